import type { KeyValueConfig, KeyValueErrorCode } from "@revkv/api";
import type { ChildOpening } from "../harness.ts";
import type { Recorded } from "./record.ts";

/** What another process can be asked to do on its own manager; arguments and results are structured clones. */
export interface Commands {
  /** Opens the storage: the first thing to be asked. */
  open(opening: ChildOpening): Promise<void>;
  createBucket(config: KeyValueConfig): Promise<void>;
  updateBucket(config: KeyValueConfig): Promise<void>;
  /** Carries out random operations, one after the other, and gives what it did and saw. */
  race(plan: RacePlan): Promise<Recorded[]>;
  /** Adds one to counters by compare-and-set, and gives what it did and saw. */
  count(plan: CountPlan): Promise<Recorded[]>;
  put(bucket: string, key: string, value: string): Promise<Recorded>;
  /** The newest kept entry of a key, marker or not. */
  newest(bucket: string, key: string): Promise<Recorded>;
  /** Starts a watcher and waits until its initial set is over. */
  watch(bucket: string, filter: string): Promise<void>;
  /** Waits until the watcher of this bucket has delivered a revision, stops it, and gives all that it delivered. */
  watched(bucket: string, revision: number): Promise<Recorded[]>;
  /** Puts pairs of keys until the process ends, and reports each by {@link Report}. */
  storm(bucket: string, name: string): Promise<void>;
  /**
   * Changes and deletes a bucket of its own, watches in every way that ends, closes the manager, and lets go of the parent:
   * the process then has to exit.
   */
  leave(bucket: string): Promise<void>;
  /** Begins watchers that nobody reads on, and lets go of the parent with all of it open: the process then has to exit. */
  neglect(bucket: string): Promise<void>;
}

export interface RacePlan {
  readonly bucket: string;
  readonly keys: readonly string[];
  readonly operations: number;
  /** What is written is told apart by this name. */
  readonly name: string;
  readonly seed: number;
}

export interface CountPlan {
  readonly bucket: string;
  readonly keys: readonly string[];
  /** How often each key is counted up. */
  readonly increments: number;
}

/** A command on its way to the other process. */
export interface Request {
  readonly id: number;
  readonly command: keyof Commands;
  readonly args: readonly unknown[];
}

/** What the other process says: an answer, or of its own accord how many writes were acknowledged so far. */
export type Message =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string; readonly code: KeyValueErrorCode | undefined }
  | Report;

/** How far a storm has got. */
export interface Report {
  readonly acknowledged: readonly number[];
}
