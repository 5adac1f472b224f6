import type { EntryOperation } from "@revkv/api";

/**
 * One thing that a process did or saw, with when: nanoseconds of the machine's monotonic clock, which all of its
 * processes share.
 */
export interface Recorded {
  /**
   * `write`: a write that was acknowledged. `read`: the newest entry of a key was found to be this one, also by a refusal.
   * `absent`: the key was found not to be live. `seen`: a watcher delivered the entry. `refused`: a condition did not
   * hold, by an entry that the store cannot tell.
   */
  readonly kind: "write" | "read" | "absent" | "seen" | "refused";
  readonly key: string;
  /** The revision written, read or seen; 0 for a key that has no entry and where there is nothing to tell. */
  readonly revision: number;
  readonly invoked: number;
  readonly returned: number;
  /** What a write wrote. */
  readonly operation?: EntryOperation | undefined;
  /** The value written or read. */
  readonly value?: string | undefined;
  /** The condition under which a write succeeded: the key's newest revision, or `null` for "not live". */
  readonly condition?: number | null | undefined;
}

/** The machine's monotonic clock, in nanoseconds. */
export function clock(): number {
  return Number(process.hrtime.bigint());
}
