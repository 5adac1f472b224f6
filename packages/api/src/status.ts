import type { NormalizedConfig } from "./config.ts";

/** What a bucket is and holds at one moment (rule B8). */
export interface KeyValueStatus {
  /** The bucket's name. */
  readonly bucket: string;
  /** How many entries are kept, history and markers included. */
  readonly values: number;
  /** What the keys and values of all kept entries add up to, in bytes. */
  readonly bytes: number;
  /** How many entries each key keeps. */
  readonly history: number;
  /** How long an entry lives, in milliseconds; undefined: for ever. */
  readonly ttl: number | undefined;
  /** How long the marker of an expired value lives, in milliseconds; undefined: there are no such markers. */
  readonly limitMarkerTtl: number | undefined;
  /** The kind of storage, as the manager names it. */
  readonly backingStore: string;
  /** Whether the storage compresses values. */
  readonly isCompressed: boolean;
  /** Names and values of the application's own. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The bucket's current config. */
  readonly config: NormalizedConfig;
  /** The newest revision that was given; 0 when none was. */
  readonly lastRevision: number;
  /** The highest revision of a marker that was removed for good; 0 when none was (rule W13). */
  readonly compactedTo: number;
  /** An id that a bucket created again under the same name does not share. */
  readonly incarnation: string;
  /** True when `values` and `bytes` are estimates; only in `keyValueStores()`. */
  readonly approximate: boolean;
}
