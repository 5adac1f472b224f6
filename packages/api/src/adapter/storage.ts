import type { Capabilities } from "../capabilities.ts";
import type { NormalizedConfig } from "../config.ts";
import type { KeyValueError } from "../errors.ts";
import type { KeyFilter } from "../filter.ts";
import type { applyUnits } from "./ledger.ts";
import type { Position, Row } from "./row.ts";
import type { Outcome, Unit } from "./write.ts";

/**
 * What an embedded storage may answer at once and a remote one later. The kit passes an answer that is no promise on
 * without waiting, so that a storage in the same process costs no turn of the event loop.
 */
export type Awaitable<T> = T | Promise<T>;

/** One call of the kit to the storage. */
export interface Call {
  /**
   * Aborted when the caller gave up or its time is over. A storage that waits for something outside of the process
   * passes it on and settles soon after; one that answers at once never touches it.
   */
  readonly signal: AbortSignal;
  /**
   * Calls `listener` once with the reason when {@link signal} is aborted, unless {@link offGivenUp} took it away: for what
   * is called so often that making and listening to a signal would be felt. Calls of the kit have both.
   */
  onGivenUp?(listener: (reason: unknown) => void): void;
  offGivenUp?(listener: (reason: unknown) => void): void;
  /** Tells that a part is done and another begun: each is a step with a deadline of its own (rule E3). Calls of the kit have it. */
  progressed?(): void;
  /** True when no caller waits for it: pauses between its attempts are to keep no process running (rule W9). */
  readonly isBackground?: boolean;
}

/** How the kit is to use a storage; numbers that a storage has measured. */
export interface StorageTraits {
  /**
   * True when reads are so cheap that collecting them is a loss: the kit passes each on at once, alone. False: those of
   * one turn of the microtask queue, and those that arrive while one is in flight, go together.
   */
  readonly directReads: boolean;
  /** The same for commits. */
  readonly directWrites: boolean;
  /** The most operations that one commit should have; a single transaction may have more. */
  readonly batchOperations: number;
  /** The most value bytes that one commit should have; a single unit may have more. */
  readonly batchBytes: number;
  /** The most keys that one read should have, unless one caller asks for more. */
  readonly readKeys: number;
  /** How many reads of a bucket should be in flight at a time. */
  readonly readsInFlight: number;
  /** The most rows in a page of {@link BucketStorage.readLog} and {@link BucketStorage.readKeys}. */
  readonly pageRows: number;
  /** About the most value bytes in such a page; a page has at least one row all the same. */
  readonly pageBytes: number;
  /**
   * How long caught-up watchers wait for a wake-up before they look by themselves, in milliseconds; undefined when
   * wake-ups cannot be lost.
   */
  readonly pollInterval: number | undefined;
}

/**
 * The port between the kit and an engine: everything that differs between engines, and nothing else. The kit has checked
 * every argument; a storage checks none.
 *
 * A method fails by throwing or rejecting, with a {@link KeyValueError} or with the driver's own error, which the kit
 * hands to {@link Storage.translateError}. All methods may be called concurrently unless said otherwise.
 */
export interface Storage {
  /** The kind of storage, as users see it. */
  readonly backingStore: string;
  /** What can be relied on; fixed once the storage is open. */
  readonly capabilities: Capabilities;
  readonly traits: StorageTraits;

  /** Opens the bucket that has this name now; undefined when there is none. */
  openBucket(name: string, call: Call): Awaitable<OpenedBucket | undefined>;

  /**
   * Creates a bucket unless one has this name, in one atomic step: of concurrent callers exactly one creates, and all
   * get the same bucket (rule B12).
   */
  createBucket(config: NormalizedConfig, call: Call): Awaitable<CreatedBucket>;

  /**
   * Deletes the bucket that has this name with all that is in it; false when there is none. Everybody who subscribed to
   * its changes is woken (rule B11).
   */
  deleteBucket(name: string, call: Call): Awaitable<boolean>;

  /** Names of buckets behind `after` (empty: from the start), sorted by byte, at most `limit`; fewer only at the end. */
  bucketNames(after: string, limit: number, call: Call): Awaitable<readonly string[]>;

  /**
   * Removes about `limit` entries of any bucket that are due, and whatever else the storage wants to clean up, in steps
   * that are each complete (rules T2, T4, T7). Of several processes only one needs to do the work; an expiry must be
   * carried out once. The kit calls it again after `next` milliseconds, and never concurrently within a manager.
   */
  sweep(limit: number, call: Call): Awaitable<Sweep>;

  /** The storage's clock in milliseconds, if this process can read it without I/O. */
  now?(): number;

  /**
   * Says what a driver's error means. `written` tells whether it came from a write that may have been sent: what cannot
   * be decided is then `OUTCOME_UNKNOWN` (rule M10).
   */
  translateError(error: unknown, written: boolean): KeyValueError;

  /** Closes what the storage opened itself. Called once, after everything else; wake-ups end with it. */
  close(): Awaitable<void>;
}

/** A bucket that was found. */
export interface OpenedBucket {
  readonly bucket: BucketStorage;
  /** The bucket's config as it is now. */
  readonly config: NormalizedConfig;
}

/** What became of {@link Storage.createBucket}. */
export interface CreatedBucket extends OpenedBucket {
  /** False when the bucket existed. */
  readonly created: boolean;
}

/** What {@link Storage.sweep} found. */
export interface Sweep {
  /**
   * In how many milliseconds to call again at the latest; 0: at once, there is more to do; undefined: only after the
   * next write by this manager, because nothing can expire before and nobody else can write.
   */
  readonly next: number | undefined;
}

/**
 * One bucket, as it was created once: the object stays bound to its incarnation, and when that was deleted every method
 * fails with `BUCKET_NOT_FOUND`, also when another bucket has the name by then (rule B11).
 *
 * "Kept" rows are those that no rule has removed: a row that is due to expire is not kept, whether or not it was removed
 * physically (rule T1), and neither is one beyond the current `history` (rule B6).
 */
export interface BucketStorage {
  readonly name: string;
  /** An id that no other bucket has, nor the same name created again. */
  readonly incarnation: string;

  /**
   * Carries out units in order, each by itself all or nothing, in one durable step: when it resolves, every reader
   * anywhere sees all of it; when it fails, either nothing was written or the error is `OUTCOME_UNKNOWN`. A refused
   * unit does not touch its neighbours. The steps of several processes never overlap: revisions are given in the order
   * in which they become visible (rules M1, M3).
   *
   * Before a key is judged a due expiry of it is carried out, marker included, at a revision of its own (rule T9); it
   * stays when the write is then refused. Conditions, sizes and ttl are judged against the bucket's config of that
   * moment (rule E2). Trimming and purging happen in the same step (rules M4, M5).
   *
   * There may be fewer outcomes than units, but one: the units behind them were not carried out, because that would have
   * taken the storage too long, and are committed again before any other.
   *
   * A manager has one commit of a bucket in flight at a time. An engine that can hold a bucket exclusively from within
   * this process leaves all of this to {@link applyUnits}.
   */
  commit(units: readonly Unit[], call: Call): Awaitable<readonly Outcome[]>;

  /** The live row of each key, undefined where there is none, all as of one revision (rule O9). */
  read(keys: readonly string[], call: Call): Awaitable<readonly (Row | undefined)[]>;

  /** A kept row of this key with this revision, marker or not; undefined when there is none. */
  readRevision(key: string, revision: number, call: Call): Awaitable<Row | undefined>;

  /** A page of kept rows in rising revision order, together with the head, all of one moment. */
  readLog(query: LogQuery, call: Call): Awaitable<LogPage>;

  /** A page of live rows, sorted by key (in the order of bytes), all of one moment. */
  readKeys(query: KeyQuery, call: Call): Awaitable<KeyPage>;

  /** The newest revision, and `compactedTo`, of one moment. */
  head(call: Call): Awaitable<Head>;

  /** What the bucket is and holds, of one moment; may cost O(bucket) (rule B8). */
  describe(call: Call): Awaitable<BucketDescription>;

  /**
   * Replaces the config if it still is `from`; false when it is another by now. From then on no read shows more than the
   * new `history` and `ttl` allow; what was due by the old ones is carried out first, so that it does not come back
   * (rules B6, T1). Where that takes several steps it is `"more"` after each but the last: the kit calls it again.
   */
  configure(from: NormalizedConfig, to: NormalizedConfig, call: Call): Awaitable<boolean | "more">;

  /**
   * One page of purgeDeletes, in key order: of each key whose newest row is a marker, removes every row when the marker
   * is at least `olderThan` milliseconds old, else every row but the marker; never touches a key whose newest row is a
   * value, in the same step (rules P1, P2). Raises `compactedTo` to the highest revision of a marker that it removes.
   */
  purgeMarkers(query: PurgeQuery, call: Call): Awaitable<PurgePage>;

  /**
   * Calls `wake` soon after each change of the bucket by anybody else, its deletion and the removal of rows included; also
   * now and then for nothing. What this manager changes by {@link commit}, {@link configure} and {@link purgeMarkers} the
   * kit knows by itself; what {@link Storage.sweep} removes is to be announced. A wake-up carries no data: whoever is
   * woken reads the log. When it resolves, no later change goes unannounced, but a wake-up can be lost with a connection
   * where `pollInterval` is set. Returns what ends it, which does not throw.
   */
  subscribe(wake: () => void, call: Call): Awaitable<() => void>;

  /**
   * Looks for changes by others at once, and wakes whoever subscribed if there are any; only where that costs next to
   * nothing, since it is done for every entry that a watcher delivers (rule W7).
   */
  look?(): void;
}

/** The newest revision of a bucket and what is known of its past. */
export interface Head extends Position {
  /** The newest revision that was given; 0 when none was. It never goes back (rule M2). */
  readonly revision: number;
  /**
   * The highest revision of a marker that purgeDeletes or its own expiry removed, due expiries included, as seen at the
   * same moment (rule W13).
   */
  readonly compactedTo: number;
}

/** What to read of a bucket's log. */
export interface LogQuery {
  /** Rows that match. A page may have others too: the kit tests every row. */
  readonly filter: KeyFilter;
  /** The page begins behind this position. With a `mark` that is not in the log: `HISTORY_LOST` (rule W14). */
  readonly after: Position;
  /** The page ends at this revision at the latest; undefined: at the head. */
  readonly upTo: number | undefined;
  /** Only rows that are the newest kept row of their key at the moment of the read. */
  readonly newestOnly: boolean;
  /** Whether values are wanted; without, `value` is empty. */
  readonly values: boolean;
  /** The most rows. */
  readonly limit: number;
  /** About the most value bytes; at least one row is given all the same. */
  readonly maxBytes: number;
  /** What an earlier page of the same query gave as `resume`; `after` need not be where that page ended. */
  readonly resume?: unknown;
}

/** A page of a bucket's log. */
export interface LogPage {
  readonly rows: readonly Row[];
  /** Every row that the query asks for up to here was given; the next page begins behind it. */
  readonly end: Position;
  /** True when no row was left out between `end` and the end of the query; without `upTo`, `end` is then the head. */
  readonly done: boolean;
  readonly head: Head;
  /** The storage's clock at that moment, in milliseconds; needed where {@link Storage.now} is left out (rule T1). */
  readonly now?: number | undefined;
  /**
   * Whatever lets the storage go on more cheaply, such as the revisions that it has sorted already. It holds nothing but
   * memory: it may be dropped at any time, and a page read without it is right too.
   */
  readonly resume?: unknown;
}

/** What to read of a bucket's live keys. */
export interface KeyQuery {
  /** Rows that match. A page may have others too: the kit tests every row. */
  readonly filter: KeyFilter;
  /** The page begins with the first key behind this one; empty: with the first key. */
  readonly after: string;
  readonly values: boolean;
  readonly limit: number;
  readonly maxBytes: number;
}

/** A page of a bucket's live keys. */
export interface KeyPage {
  readonly rows: readonly Row[];
  /** Every live key that matches up to here was given. */
  readonly end: string;
  /** True when no key that matches is behind `end`. */
  readonly done: boolean;
}

/** What a bucket is and holds (rule B8). */
export interface BucketDescription extends Head {
  readonly config: NormalizedConfig;
  /** How many rows are kept. */
  readonly values: number;
  /** What the keys and values of the kept rows add up to, in bytes. */
  readonly bytes: number;
}

/** Which markers to purge. */
export interface PurgeQuery {
  /** How old a marker must be to go wholly, in milliseconds; 0: all. */
  readonly olderThan: number;
  /** The page begins with the first key behind this one; empty: with the first key. */
  readonly after: string;
  /** About how many keys to look at. */
  readonly limit: number;
}

/** What a page of purgeDeletes did. */
export interface PurgePage {
  /** How many rows were removed. */
  readonly removed: number;
  /** Every key up to here was looked at. */
  readonly end: string;
  readonly done: boolean;
}
