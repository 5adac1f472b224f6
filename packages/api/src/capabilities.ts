/**
 * What a user of an adapter can rely on, and what the conformance suite checks from both sides: what is claimed must
 * work, what is not must be refused with `UNSUPPORTED`.
 */
export interface Capabilities {
  /** `transaction()` works (rule O10). */
  readonly transactions: boolean;
  /** `put`, `create`, `update` and `purge` accept a `ttl` (rule T3). */
  readonly perKeyTtl: boolean;
  /** Buckets can have a `limitMarkerTtl` (rule T2). */
  readonly limitMarkers: boolean;
  /** How late an entry may be seen as expired, in milliseconds; 1 where revkv decides (rule T1). */
  readonly ttlResolutionMs: number;
  /** Several filters in one call are possible (rule K3). */
  readonly multipleFilters: boolean;
  /** Writes of other processes arrive at watchers here (rule W11). */
  readonly crossProcessWatch: boolean;
  /** A read sees every write that was resolved before, through any handle (rule M8). */
  readonly readAfterWrite: boolean;
  /** `getMany` gives all results as of one revision (rule O9). */
  readonly snapshotReads: boolean;
  /** A bucket that was created again is told from the one before (rules B8, B11). */
  readonly bucketIncarnation: boolean;
  /** How far a storage that lost acknowledged writes is noticed by watchers (rule W14). */
  readonly lossDetection: "full" | "head" | "none";
  /** Buckets can be compressed. */
  readonly compression: boolean;
  /** Buckets can have metadata (rule B8). */
  readonly metadata: boolean;
  /** Buckets can have a `maxBytes` (rule B10). */
  readonly maxBytes: boolean;
  /** A watcher that may have missed a removed marker ends with `REVISION_COMPACTED` (rule W13). */
  readonly compactionDetection: boolean;
  /** The largest value that the adapter can hold, in bytes (rule B5). */
  readonly maxValueBytes: number;
  /** The most operations in one transaction (rule B5). */
  readonly maxOperations: number;
  /** The most filters in one call (rule B5). */
  readonly maxFilters: number;
}
