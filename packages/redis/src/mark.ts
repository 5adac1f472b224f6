import type { Position } from "@revkv/api/adapter";

/**
 * Tells one history of a bucket from another: a revision that was the head once, and the nonce of the step that gave it.
 * After a failover that lost writes the same revision is given again, by another step (rule W14).
 */
export interface Mark {
  readonly revision: number;
  readonly nonce: string;
}

/** A mark of a position: it has the era in which the server was seen to have that step; see lua/shared/era.lua. */
export interface SeenMark extends Mark {
  readonly era: string;
}

/** The mark of a position, if it has one. */
export function markOf({ mark }: Position): SeenMark | undefined {
  return mark as SeenMark | undefined;
}
