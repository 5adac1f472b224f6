import type { Capabilities, KeyValueManager, ManagerOptions } from "@revkv/api";

/** An adapter under test: how its storage is made, opened and thrown away. */
export interface Harness {
  /** The adapter, and the way it is set up. */
  readonly name: string;
  /** What the adapter claims; what it does not claim must be refused. */
  readonly capabilities: Capabilities;
  /** Makes an empty storage that no other has to do with. */
  setup(): Promise<HarnessStorage>;
  /** Scenarios that are known to fail, by id, with the reason; a run in which one of them passes fails. */
  readonly knownGaps?: Readonly<Record<string, string>> | undefined;
}

/** One storage that the suite has for itself. */
export interface HarnessStorage {
  /** Opens the storage, any number of times: each manager is a client of its own. */
  open(options?: ManagerOptions): Promise<KeyValueManager>;
  /**
   * Stops the storage, awaits `whileAway` while it answers nobody, and starts it again, keeping what it holds: all of it
   * while clients are connected. Left out where there is nothing that could be restarted.
   */
  restart?(whileAway: () => Promise<void>): Promise<void>;
  /**
   * Moves the storage's clock forward, in milliseconds: a clock that stands still otherwise, so that scenarios are exact.
   * Left out where the clock cannot be moved: the suite then waits.
   */
  advance?(milliseconds: number): Promise<void>;
  /**
   * How another process opens the same storage: the file URL of a module that exports `open(...args)` like
   * {@link HarnessStorage.open}, and its arguments as JSON; left out where only this process can reach the storage.
   */
  readonly child?: ChildOpening | undefined;
  /** Closes and removes the storage. */
  dispose(): Promise<void>;
}

/** A module that opens a storage in another process. */
export interface ChildOpening {
  readonly module: string;
  readonly args: readonly unknown[];
}

/** What the module named by {@link ChildOpening} exports. */
export interface ChildModule {
  open(...args: readonly unknown[]): Promise<KeyValueManager>;
}
