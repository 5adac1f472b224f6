/** What every asynchronous call accepts (rule E3). */
export interface CallOptions {
  /** Ends the wait: the call rejects with the signal's reason. A write that was sent may still be carried out. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `put`, `create` and `update`. */
export interface WriteOptions extends CallOptions {
  /** How long the entry lives, in milliseconds; the bucket needs a `limitMarkerTtl` (rule T3). */
  readonly ttl?: number | undefined;
}

/** Options of `delete`. */
export interface DeleteOptions extends CallOptions {
  /** The delete is refused unless the key is at this revision (rule O5). */
  readonly lastRevision?: number;
}

/** Options of `purge`. */
export interface PurgeOptions extends DeleteOptions {
  /** How long the marker lives, in milliseconds; the bucket needs a `limitMarkerTtl` (rule T3). */
  readonly ttl?: number | undefined;
}

/** Options of `history`. */
export interface HistoryOptions extends CallOptions {
  /** Markers are left out (rule H4). */
  readonly ignoreDeletes?: boolean | undefined;
  /** Values are left out; `length` is true all the same (rule H4). */
  readonly metaOnly?: boolean | undefined;
}

/** Options of `purgeDeletes`. */
export interface PurgeDeletesOptions extends CallOptions {
  /** Markers at least this old go wholly, in milliseconds; default 30 minutes, 0: all (rule P1). */
  readonly olderThan?: number | undefined;
}
