import type { Position } from "@revkv/api/adapter";

/**
 * Tells one history of a bucket from another: a revision that was the head once, and the nonce of the step that gave it.
 * After a failover that lost writes the same revision is given again, by another step (rule W14).
 */
export interface Mark {
  readonly revision: number;
  readonly nonce: string;
}

/** The mark of a position, if it has one. */
export function markOf({ mark }: Position): Mark | undefined {
  return mark as Mark | undefined;
}
