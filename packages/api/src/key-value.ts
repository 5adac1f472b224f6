import type { KeyValueEntry } from "./entry.ts";
import type { Operation } from "./operation.ts";
import type {
  CallOptions,
  DeleteOptions,
  HistoryOptions,
  PurgeDeletesOptions,
  PurgeOptions,
  WriteOptions,
} from "./options.ts";
import type { KeyValueStatus } from "./status.ts";
import type { KeyWatcher, WatchOptions } from "./watcher.ts";

/**
 * A bucket: keys with revisions, history and markers (ADR-8).
 *
 * Besides what each method names, every call can reject with `INVALID_ARGUMENT` (an unknown or wrong option),
 * `BUCKET_NOT_FOUND` (the bucket was deleted, rule B11), `UNSUPPORTED` (more filters than `capabilities` allow), `CLOSED`, `TIMEOUT`, `UNAVAILABLE`, `PERMISSION_DENIED`,
 * `INTERNAL`, or the signal's reason; a write also with `OUTCOME_UNKNOWN` (rule M10), `READ_ONLY` and `STORAGE_FULL`.
 */
export interface KeyValue {
  /** The bucket's name. */
  readonly bucket: string;

  /**
   * Reads a key's value; null when the key is not live (rules O1, O2).
   *
   * @throws `INVALID_KEY`
   */
  get(key: string, options?: CallOptions): Promise<KeyValueEntry | null>;

  /**
   * Reads one revision of a key; null when that revision is not kept, is another key's, or is a marker (rule O2).
   *
   * @throws `INVALID_KEY`, `INVALID_ARGUMENT`
   */
  getRevision(key: string, revision: number, options?: CallOptions): Promise<KeyValueEntry | null>;

  /**
   * Reads several keys as of one revision: one result per key, in order, null where the key is not live (rule O9).
   *
   * @throws `INVALID_KEY`; `UNSUPPORTED` without `capabilities.snapshotReads`
   */
  getMany(keys: readonly string[], options?: CallOptions): Promise<(KeyValueEntry | null)[]>;

  /**
   * Sets a value and resolves to its revision (rule O1).
   *
   * @throws `INVALID_KEY`, `VALUE_TOO_LARGE`, `BUCKET_FULL`
   */
  put(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number>;

  /**
   * Sets a text value, encoded as UTF-8, and resolves to its revision (rule O1). Half of a surrogate pair has no UTF-8
   * and becomes U+FFFD.
   *
   * @throws `INVALID_KEY`, `VALUE_TOO_LARGE`, `BUCKET_FULL`
   */
  putString(key: string, value: string, options?: WriteOptions): Promise<number>;

  /**
   * Sets a value if the key is not live, in one atomic step, and resolves to its revision (rule O3).
   *
   * @throws `KEY_EXISTS`, `INVALID_KEY`, `VALUE_TOO_LARGE`, `BUCKET_FULL`
   */
  create(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number>;

  /**
   * Sets a value if the key's newest entry, marker or not, has the revision `lastRevision`; 0 means that the key has no
   * entry at all (rule O4).
   *
   * @throws `REVISION_MISMATCH`, `INVALID_KEY`, `VALUE_TOO_LARGE`, `BUCKET_FULL`
   */
  update(key: string, value: Uint8Array | string, lastRevision: number, options?: WriteOptions): Promise<number>;

  /**
   * Appends a DEL marker, also to a key that does not exist, and resolves to its revision (rules M5, O5, O6).
   *
   * @throws `REVISION_MISMATCH`, `INVALID_KEY`
   */
  delete(key: string, options?: DeleteOptions): Promise<number>;

  /**
   * Appends a PURGE marker, removes every older entry of the key, and resolves to the marker's revision (rules M5, O7).
   *
   * @throws `REVISION_MISMATCH`, `INVALID_KEY`
   */
  purge(key: string, options?: PurgeOptions): Promise<number>;

  /**
   * Carries out all operations or none, at consecutive revisions; resolves to one number per operation: the revision
   * written, or for a check the revision found, 0 when there is none (rule O10).
   *
   * @throws the error of the first condition that fails; `UNSUPPORTED` without `capabilities.transactions` or beyond
   * `capabilities.maxOperations`; `INVALID_ARGUMENT` when empty; `INVALID_KEY`, `VALUE_TOO_LARGE`, `BUCKET_FULL`
   */
  transaction(operations: readonly Operation[], options?: CallOptions): Promise<number[]>;

  /**
   * Lists the live keys that match, sorted; all keys without a filter, or with an empty list (rules K3, L1).
   *
   * @throws `INVALID_KEY` for a bad filter
   */
  keys(filter?: string | readonly string[], options?: CallOptions): Promise<string[]>;

  /**
   * Streams what {@link KeyValue.keys} lists, without holding all of it (rule L1).
   *
   * @throws `INVALID_KEY` for a bad filter, at the first `next()` (rule E1)
   */
  listKeys(filter?: string | readonly string[], options?: CallOptions): AsyncIterable<string>;

  /**
   * Streams the live entries that match, sorted by key, without holding all of them; a key that lives throughout comes
   * exactly once (rule O9).
   *
   * @throws `INVALID_KEY` for a bad filter, at the first `next()` (rule E1)
   */
  entries(filter?: string | readonly string[], options?: CallOptions): AsyncIterable<KeyValueEntry>;

  /**
   * Reads all kept entries of a key, or of all keys that match, in revision order, markers included (rules H1 to H4).
   *
   * @throws `INVALID_KEY` for a bad filter
   */
  history(filter: string | readonly string[], options?: HistoryOptions): Promise<KeyValueEntry[]>;

  /**
   * Watches the keys that match: first what is there, then `null`, then every change (rules W1 to W14). An
   * empty list watches all keys (rule K3). `REVISION_COMPACTED` is about a marker of any key of the bucket, whatever the
   * filter (rule W13).
   *
   * @throws `INVALID_KEY` for a bad filter; `HISTORY_LOST` and `REVISION_COMPACTED` when it cannot start where asked
   */
  watch(filter: string | readonly string[], options?: WatchOptions): Promise<KeyWatcher>;

  /** Watches every key: `watch(">")` (rule W12). */
  watchAll(options?: WatchOptions): Promise<KeyWatcher>;

  /**
   * Appends a DEL marker to every live key that matches and resolves to the number of keys (rule O11). Without a
   * filter, or with an empty list, that is every key of the bucket (rule K3).
   *
   * @throws `INVALID_KEY` for a bad filter
   */
  deleteAll(filter?: string | readonly string[], options?: CallOptions): Promise<number>;

  /**
   * Appends a PURGE marker to every live key that matches and resolves to the number of keys (rule O11). Without a
   * filter, or with an empty list, that is every key of the bucket (rule K3).
   *
   * @throws `INVALID_KEY` for a bad filter
   */
  purgeAll(filter?: string | readonly string[], options?: CallOptions): Promise<number>;

  /**
   * Removes keys whose newest entry is a marker, and resolves to the number of entries removed; a marker younger than
   * `olderThan` stays, alone (rules P1, P2).
   */
  purgeDeletes(options?: PurgeDeletesOptions): Promise<number>;

  /** Describes the bucket and what it holds (rule B8). */
  status(options?: CallOptions): Promise<KeyValueStatus>;
}
