import type { EntryOperation } from "../entry.ts";
import type { Value } from "./bytes.ts";

/**
 * One kept entry as a storage gives it to the kit. Rows are shared between readers and never change: neither the kit nor
 * a storage writes to a row or to its bytes after it was handed over.
 */
export interface Row {
  readonly key: string;
  readonly revision: number;
  readonly operation: EntryOperation;
  /** The value; empty on markers, and when the query asked for no values. */
  readonly value: Value;
  /** How many bytes the stored value has, also when it was left out. */
  readonly length: number;
  /** When it was written, in milliseconds of the storage's clock. */
  readonly created: number;
  /** When it expires, in milliseconds of the storage's clock: the earlier of its own deadline and the bucket's. */
  readonly expiresAt: number | undefined;
  /** True on a marker that an expiry left (rule T2). */
  readonly expired: boolean;
  /** Anything by which the storage recognises this place in its log again; see {@link Position}. */
  readonly mark?: unknown;
}

/**
 * A place in a bucket's log. `mark` is what the storage gave with the row or page that ended there, if it gave anything:
 * it lets a storage with `lossDetection: "full"` notice that the log is not the one that was read before (rule W14).
 */
export interface Position {
  readonly revision: number;
  readonly mark?: unknown;
}
