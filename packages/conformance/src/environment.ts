import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { KeyValueManager } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { within } from "./expect.ts";
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

/** How long managers and storages may take to close, in milliseconds. */
export const closeTimeout = 20_000;

/** Sets up a harness's storage for a run; setting up and opening may each take `timeout` milliseconds. */
export async function openStage(harness: Harness, seed: number, timeout: number): Promise<Stage> {
  const storage = await setUp(harness, timeout);
  const manager = await opened(storage, timeout).catch(async (error) => {
    await within("the storage to be disposed of", storage.dispose(), closeTimeout).catch(() => undefined);
    throw error;
  });
  let visits = 0;
  return {
    storage,
    manager,
    enter: async (scenario) => {
      visits += 1;
      return await enter(harness, { storage, manager }, scenario, seed, visits, timeout);
    },
    close: () => inOrder([() => manager.close(), () => storage.dispose()]),
  };
}

async function setUp(harness: Harness, timeout: number): Promise<HarnessStorage> {
  const made = (async () => await harness.setup())();
  return await orUndone(within("the harness to set up a storage", made, timeout), made, (storage) => storage.dispose());
}

async function opened(storage: HarnessStorage, timeout: number): Promise<KeyValueManager> {
  const made = (async () => await storage.open())();
  return await orUndone(within("the storage to open", made, timeout), made, (manager) => manager.close());
}

/** Resolves as the first promise does; when it fails, what the second one still gives is undone: nobody waits for it. */
async function orUndone<T>(awaited: Promise<T>, made: Promise<T>, undo: (made: T) => Promise<void>): Promise<T> {
  try {
    return await awaited;
  } catch (error) {
    made.then(undo).catch(() => undefined);
    throw error;
  }
}

type Opened = Pick<Stage, "storage" | "manager">;

async function enter(
  harness: Harness,
  shared: Opened,
  scenario: Scenario,
  seed: number,
  visit: number,
  timeout: number,
): Promise<Visit> {
  /** What is to be done when the scenario is over, the latest first. */
  const farewells: (() => Promise<void>)[] = [];
  let isOver = false;
  const leave = (): Promise<void> => {
    isOver = true;
    return inOrder(farewells.toReversed());
  };
  /** What a scenario asks for that has timed out, and goes on, is undone at once: it would stay behind. */
  const unlessOver = async <T>(make: () => Promise<T>, undo: (made: T) => Promise<unknown>): Promise<T> => {
    const over = new Error("the scenario is over");
    if (isOver) throw over;
    const made = await make();
    if (!isOver) return made;
    await undo(made);
    throw over;
  };

  const tracked = (storage: HarnessStorage): HarnessStorage =>
    withOpen(storage, async (options) => {
      const manager = await unlessOver(
        () => storage.open(options),
        (late) => late.close(),
      );
      farewells.push(() => manager.close());
      return manager;
    });
  const fresh = async (): Promise<HarnessStorage> => {
    const storage = await unlessOver(
      () => setUp(harness, timeout),
      (late) => late.dispose(),
    );
    farewells.push(() => storage.dispose());
    return tracked(storage);
  };
  // A clock that one scenario moves would let the entries of all others expire: each has a storage of its own then.
  const own = async (): Promise<Opened> => {
    const storage = await fresh();
    return { storage, manager: await opened(storage, timeout) };
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
      bucket: (config) =>
        unlessOver(
          () => manager.createKeyValue({ ...config, bucket: env.bucketName() }),
          (late) => deleteIfThere(manager, late.bucket),
        ),
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
    ...(restart === undefined ? {} : { restart: (whileAway: () => Promise<void>) => restart.call(storage, whileAway) }),
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
