import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { KeyValueManager } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import type { Harness, HarnessStorage } from "./harness.ts";
import type { Scenario, ScenarioEnv } from "./scenario.ts";

/** Where the scenarios of one run take place: a storage that they share as far as they can, and one manager on it. */
export interface Stage {
  readonly storage: HarnessStorage;
  readonly manager: KeyValueManager;
  /** Prepares what one scenario works with. */
  enter(scenario: Scenario): Promise<Visit>;
  /** Closes and removes the shared storage. */
  close(): Promise<void>;
}

/** One scenario's stay on a {@link Stage}. */
export interface Visit {
  readonly env: ScenarioEnv;
  /** Closes every manager, deletes every bucket and disposes of every storage that the scenario asked for. */
  leave(): Promise<void>;
}

/** Sets up a harness's storage for a run. */
export async function openStage(harness: Harness, seed: number): Promise<Stage> {
  const storage = await harness.setup();
  const manager = await storage.open();
  let visits = 0;
  return {
    storage,
    manager,
    enter: async (scenario) => {
      visits += 1;
      return await enter(harness, { storage, manager }, scenario, seed, visits);
    },
    close: () => inOrder([() => manager.close(), () => storage.dispose()]),
  };
}

type Opened = Pick<Stage, "storage" | "manager">;

async function enter(
  harness: Harness,
  shared: Opened,
  scenario: Scenario,
  seed: number,
  visit: number,
): Promise<Visit> {
  /** What is to be done when the scenario is over, the latest first. */
  const farewells: (() => Promise<void>)[] = [];
  const leave = (): Promise<void> => inOrder(farewells.toReversed());

  const tracked = (storage: HarnessStorage): HarnessStorage =>
    withOpen(storage, async (options) => {
      const manager = await storage.open(options);
      farewells.push(() => manager.close());
      return manager;
    });
  const fresh = async (): Promise<HarnessStorage> => {
    const storage = await harness.setup();
    farewells.push(() => storage.dispose());
    return tracked(storage);
  };
  // A clock that one scenario moves would let the entries of all others expire: each has a storage of its own then.
  const own = async (): Promise<Opened> => {
    const storage = await fresh();
    return { storage, manager: await storage.open() };
  };

  const names: string[] = [];
  const share = (): Opened => {
    farewells.push(async () => {
      for (const name of names) await deleteIfThere(shared.manager, name);
    });
    return { storage: tracked(shared.storage), manager: shared.manager };
  };
  try {
    const { storage, manager } = shared.storage.advance === undefined ? share() : await own();
    const env: ScenarioEnv = {
      capabilities: harness.capabilities,
      storage,
      manager,
      seed,
      open: (options) => storage.open(options),
      fresh,
      bucketName: () => {
        const name = `${scenario.id.replaceAll(/[^a-zA-Z0-9]+/g, "-")}_${visit}_${names.length}`;
        names.push(name);
        return name;
      },
      bucket: (config) => manager.createKeyValue({ ...config, bucket: env.bucketName() }),
      pass: (milliseconds) => pass(storage, milliseconds),
    };
    return { env, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** A storage whose `open` is another one. */
function withOpen(storage: HarnessStorage, open: HarnessStorage["open"]): HarnessStorage {
  const { restart, advance, child } = storage;
  return {
    open,
    dispose: () => storage.dispose(),
    child,
    ...(restart === undefined ? {} : { restart: () => restart.call(storage) }),
    ...(advance === undefined ? {} : { advance: (milliseconds: number) => advance.call(storage, milliseconds) }),
  };
}

/** Lets time pass on a storage's clock: moved if it can be, waited for if not. */
export async function pass(storage: HarnessStorage, milliseconds: number): Promise<void> {
  assert.ok(milliseconds >= 0, "time goes forward");
  if (storage.advance !== undefined) return await storage.advance(milliseconds);
  // Timers may fire up to a millisecond early, and clocks that count whole milliseconds may lag by one.
  const end = performance.now() + milliseconds + 1;
  for (let rest = end - performance.now(); rest > 0; rest = end - performance.now()) await delay(Math.ceil(rest));
}

async function deleteIfThere(manager: KeyValueManager, name: string): Promise<void> {
  try {
    await manager.deleteKeyValue(name);
  } catch (error) {
    if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
  }
}

/** Carries out every step, also behind one that fails, and then fails with the first failure. */
async function inOrder(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
