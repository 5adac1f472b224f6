import type { KeyValueEntry } from "./entry.ts";
import type { CallOptions } from "./options.ts";

/** What a watcher delivers, and from where (rules W1 to W6). */
export interface WatchOptions extends CallOptions {
  /** The initial set is every kept entry instead of the newest of each key (rule W2). */
  readonly includeHistory?: boolean | undefined;
  /** There is no initial set: `null` comes first (rule W2). */
  readonly updatesOnly?: boolean | undefined;
  /** Markers are left out, in the initial set and after it (rule W3). */
  readonly ignoreDeletes?: boolean | undefined;
  /** Values are left out; `length` is true all the same (rule W4). */
  readonly metaOnly?: boolean | undefined;
  /** The initial set is every kept entry from this revision on (rule W5). */
  readonly resumeFromRevision?: number | undefined;
  /** The `incarnation` of the bucket that `resumeFromRevision` belongs to, from `status()` (rule W5). */
  readonly resumeIncarnation?: string | undefined;
  /** Covers the call and the watcher's life: the iteration rejects with its reason (rule W9). */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A watch in progress: iterate it once (rules W1, W9).
 *
 * Entries of the initial set come first, then `null` exactly once, then every later entry. A consumer that waits for the
 * next one keeps the process running.
 *
 * @example
 * ```ts
 * const watcher = await kv.watch("flag.*");
 * for await (const entry of watcher) {
 *   if (entry === null) break; // the initial values have been read
 *   console.log(entry.key, entry.string());
 * }
 * ```
 */
export interface KeyWatcher extends AsyncIterable<KeyValueEntry | null>, AsyncDisposable {
  /** Ends the iteration normally and releases what the watcher holds; may be called any number of times (rule W9). */
  stop(): Promise<void>;
  /**
   * Calls back for each item and waits for what the callback returns; resolves when the watcher was stopped.
   *
   * @throws what the callback throws (the watcher is stopped), and what ends the watcher: `REVISION_COMPACTED`,
   * `HISTORY_LOST`, `BUCKET_NOT_FOUND`, the signal's reason; `INVALID_ARGUMENT` when it is iterated already
   */
  forEach(callback: (entry: KeyValueEntry | null) => void | Promise<void>): Promise<void>;
}
