import type { Capabilities, KeyValue, KeyValueConfig, KeyValueManager, ManagerOptions } from "@revkv/api";
import type { HarnessStorage } from "./harness.ts";

/**
 * One statement about the contract that runs: it resolves when the adapter keeps the rule and rejects when it does not.
 */
export interface Scenario {
  /** The rule and what is shown of it: `W7/racing-puts`. */
  readonly id: string;
  /** What must hold, as a sentence. */
  readonly title: string;
  /** The rule's id in the contract. */
  readonly rule: string;
  /** Runs only where this holds; left out: everywhere. Where it does not hold, `runWithout` runs if there is one. */
  readonly requires?: ((capabilities: Capabilities, storage: HarnessStorage) => boolean) | undefined;
  /** Runs alone, after all others: for what is measured in time or memory, or seen by the whole process. */
  readonly exclusive?: boolean | undefined;
  run(env: ScenarioEnv): Promise<void>;
  /** The other side of a capability: what is not claimed is refused. */
  readonly runWithout?: ((env: ScenarioEnv) => Promise<void>) | undefined;
}

/** What a scenario works with: a storage that it may share with others, under names that are its own. */
export interface ScenarioEnv {
  readonly capabilities: Capabilities;
  readonly storage: HarnessStorage;
  /** A manager that all scenarios of a storage may share: never closed by a scenario. */
  readonly manager: KeyValueManager;
  /** Opens another manager on the same storage; closed after the scenario if it does not do so itself. */
  open(options?: ManagerOptions): Promise<KeyValueManager>;
  /** Makes an empty storage that only this scenario uses; disposed of after it. */
  fresh(): Promise<HarnessStorage>;
  /** A bucket name that nobody else uses. */
  bucketName(): string;
  /** Creates a bucket under a name of its own on {@link ScenarioEnv.manager}. */
  bucket(config?: Omit<KeyValueConfig, "bucket">): Promise<KeyValue>;
  /** Lets time pass on the storage's clock, in milliseconds: moved where the harness can, waited for where not. */
  pass(milliseconds: number): Promise<void>;
  /** The seed of everything random in this run. */
  readonly seed: number;
}

/** Declares a scenario; the rule is read from its id. */
export function scenario(id: string, title: string, definition: Omit<Scenario, "id" | "title" | "rule">): Scenario {
  const [rule = ""] = id.split("/");
  return { id, title, rule, ...definition };
}
