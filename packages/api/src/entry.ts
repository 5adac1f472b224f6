/** What an entry does to its key: sets a value, or marks it as deleted or purged (rule M5). */
export type EntryOperation = "PUT" | "DEL" | "PURGE";

/**
 * One revision of one key, as it was read (rule O8). `value`, `created`, `expiresAt` and `reason` may be accessors: copy
 * them by name, a spread or `JSON.stringify` leaves them out.
 */
export interface KeyValueEntry {
  /** The bucket that the entry is in. */
  readonly bucket: string;
  /** The entry's key. */
  readonly key: string;
  /** The value's bytes, the caller's own copy; empty on markers and with `metaOnly` (rules M6, W4). */
  readonly value: Uint8Array;
  /** How many bytes the stored value has, also when the value was left out. */
  readonly length: number;
  /** The entry's place in the one order of all writes to the bucket (rule M1). */
  readonly revision: number;
  /** When the entry was written, by the storage's clock. */
  readonly created: Date;
  /** In `history()`: how many newer entries of the same key are in the result; everywhere else 0 (rule H2). */
  readonly delta: number;
  /** Whether this is a value or a marker. */
  readonly operation: EntryOperation;
  /** True on what a watcher delivers after `null`, false everywhere else (rule W6). */
  readonly isUpdate: boolean;
  /** When the entry expires; undefined when it does not (rule T1). */
  readonly expiresAt: Date | undefined;
  /** `"expired"` on the marker that an expiry left; undefined on everything else (rule T2). */
  readonly reason: "expired" | undefined;
  /** The value, decoded as UTF-8. */
  string(): string;
  /**
   * The value, parsed as JSON.
   *
   * @throws what `JSON.parse` throws
   */
  json<T = unknown>(): T;
}
