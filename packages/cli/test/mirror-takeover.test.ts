import type { KeyValue, KeyValueEntry, KeyValueManager, Operation } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import { afterEach, describe, expect, test } from "vitest";
import { connect } from "../src/index.ts";
import type { MirrorPlan } from "../src/transfer/mirror.ts";
import { mirror } from "../src/transfer/mirror.ts";
import { MirrorConflict } from "../src/transfer/mirror-conflict.ts";

const opened: KeyValueManager[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((manager) => manager.close()));
});

async function open(url: string): Promise<KeyValueManager> {
  const manager = await connect(url);
  opened.push(manager);
  return manager;
}

let stores = 0;

/** A source that holds something, and an empty store, which any number of managers can open. */
async function places(): Promise<{ readonly source: KeyValue; readonly target: () => Promise<KeyValueManager> }> {
  stores += 1;
  const url = `memory:takeover-${stores}`;
  const source = await (await open("memory:")).createKeyValue({ bucket: "s", history: 5 });
  for (const key of ["a", "b", "a"]) await source.put(key, "1");
  await open(url);
  return { source, target: () => open(url) };
}

/** Something with one method done in another way. */
function having<T extends object, Name extends keyof T>(whole: T, name: Name, method: T[Name]): T {
  return new Proxy(whole, {
    get: (it, property) => {
      const value: unknown = property === name ? method : Reflect.get(it, property, it);
      return typeof value === "function" ? value.bind(it) : value;
    },
  });
}

/** A manager whose buckets of one name are on the other side of something that goes wrong. */
function through(manager: KeyValueManager, bucket: string, wrong: (bucket: KeyValue) => KeyValue): KeyValueManager {
  const passed = async (found: Promise<KeyValue>): Promise<KeyValue> => {
    const one = await found;
    return one.bucket === bucket ? wrong(one) : one;
  };
  const create = having(manager, "createKeyValue", (...args) => passed(manager.createKeyValue(...args)));
  const both = having(create, "createOrUpdateKeyValue", (...args) => passed(manager.createOrUpdateKeyValue(...args)));
  return having(both, "keyValue", (...args) => passed(manager.keyValue(...args)));
}

/** Starts a mirror from a bucket to "t". */
function start(source: KeyValue, manager: KeyValueManager, more: Partial<MirrorPlan> = {}) {
  const controller = new AbortController();
  let retries = 0;
  const { promise: caughtUp, resolve } = Promise.withResolvers<void>();
  const ended = mirror(
    { source, target: { manager, bucket: "t" }, resync: false, ...more },
    {
      signal: controller.signal,
      onStart: async () => {},
      onProgress: () => {},
      onCaughtUp: async () => resolve(),
      onRetry: () => {
        retries += 1;
      },
      onShortcoming: () => {},
    },
  );
  const reached = Promise.race([caughtUp, ended]);
  for (const promise of [ended, reached]) {
    promise.catch(() => {
      // Each test looks at it.
    });
  }
  const stop = (): Promise<number> => {
    controller.abort(new Error("stop"));
    return ended;
  };
  return { ended, caughtUp: reached, stop, retries: () => retries };
}

async function log(bucket: KeyValue): Promise<string[]> {
  return (await bucket.history(">")).map((entry: KeyValueEntry) => `${entry.operation} ${entry.key} ${entry.string()}`);
}

describe("a mirror's batch gets there once", () => {
  test("when another mirror takes over while it is on its way", async () => {
    const { source, target } = await places();
    const [sent, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = start(
      source,
      through(await target(), "t", (bucket) =>
        having(bucket, "transaction", async (operations: readonly Operation[]) => {
          sent.resolve();
          await held.promise;
          return bucket.transaction(operations);
        }),
      ),
    );
    await sent.promise;
    const manager = await target();
    const second = start(source, manager);
    await second.caughtUp;
    held.resolve();
    await source.put("c", "1");
    await expect(first.ended).rejects.toSatisfy((error) => isKeyValueError(error, "REVISION_MISMATCH"));
    const copy = await manager.keyValue("t");
    await expect.poll(() => log(copy)).toEqual(await log(source));
    await second.stop();
  });

  test("when it arrives while the mirror that takes over looks for it", async () => {
    const { source, target } = await places();
    const [sent, held, done] = [1, 2, 3].map(() => Promise.withResolvers<void>()) as [Gate, Gate, Gate];
    const first = start(
      source,
      through(await target(), "t", (bucket) =>
        having(bucket, "transaction", async (operations: readonly Operation[]) => {
          sent.resolve();
          await held.promise;
          return bucket.transaction(operations).finally(done.resolve);
        }),
      ),
    );
    await sent.promise;
    const manager = await target();
    const second = start(
      source,
      through(manager, "t", (bucket) =>
        having(bucket, "history", async (filter) => {
          // It was looked for, and was not there.
          held.resolve();
          await done.promise;
          return bucket.history(filter);
        }),
      ),
    );
    await second.caughtUp;
    await source.put("c", "1");
    await expect(first.ended).rejects.toSatisfy((error) => isKeyValueError(error, "REVISION_MISMATCH"));
    const copy = await manager.keyValue("t");
    await expect.poll(() => log(copy)).toEqual(await log(source));
    await second.stop();
  });

  test("when the mirror that is at work saves its position while another takes over", async () => {
    const { source, target } = await places();
    const [manager, other] = [await target(), await target()];
    const first = start(source, manager);
    await first.caughtUp;
    const copy = await manager.keyValue("t");
    let reads = 0;
    const second = start(
      source,
      through(other, "revkv-mirrors", (bucket) =>
        having(bucket, "history", async (filter) => {
          const found = await bucket.history(filter);
          reads += 1;
          if (reads === 1) {
            await source.put("c", "1");
            await expect.poll(() => copy.get("c")).not.toBeNull();
          }
          return found;
        }),
      ),
    );
    await second.caughtUp;
    await source.put("d", "1");
    await expect(first.ended).rejects.toSatisfy((error) => isKeyValueError(error, "REVISION_MISMATCH"));
    await expect.poll(() => log(copy)).toEqual(await log(source));
    expect(reads).toBe(2);
    await second.stop();
  });

  test("when its answer was lost and it is carried out later than it is sent again", async () => {
    const { source, target } = await places();
    const manager = await target();
    let late: readonly Operation[] | undefined;
    const running = start(
      source,
      through(manager, "t", (bucket) =>
        having(bucket, "transaction", async (operations: readonly Operation[]) => {
          if (late === undefined) {
            late = operations;
            throw new KeyValueError("OUTCOME_UNKNOWN", "no answer");
          }
          await bucket.transaction(late);
          return bucket.transaction(operations);
        }),
      ),
    );
    await running.caughtUp;
    expect(await log(await manager.keyValue("t"))).toEqual(await log(source));
    await running.stop();
  });

  test("and what somebody else wrote after a crash is not taken for it", async () => {
    const { source, target } = await places();
    const manager = await target();
    await source.purge("a");
    const crashed = start(
      source,
      through(manager, "t", (bucket) =>
        having(bucket, "transaction", () => Promise.reject(new KeyValueError("INTERNAL", "crashed"))),
      ),
    );
    await expect(crashed.ended).rejects.toThrow("crashed");
    // As many entries as the batch has, the last of them of the same key.
    const copy = await manager.keyValue("t");
    for (const key of ["a", "b", "c", "a"]) await copy.put(key, "not the source's");
    await expect(start(source, manager).ended).rejects.toBeInstanceOf(MirrorConflict);
    await start(source, manager, { resync: true }).caughtUp;
    expect(await log(await manager.keyValue("t"))).toEqual(await log(source));
  });
});

test("without transactions a write that arrives after another mirror has taken over is noticed", async () => {
  const { source, target } = await places();
  const withoutTransactions = async (): Promise<KeyValueManager> => {
    const manager = await target();
    return having(manager, "capabilities", { ...manager.capabilities, transactions: false });
  };
  const [sent, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = start(
    source,
    through(await withoutTransactions(), "t", (bucket) =>
      having(bucket, "put", async (key, ...args) => {
        if (key === "b") {
          sent.resolve();
          await held.promise;
        }
        return bucket.put(key, ...args);
      }),
    ),
  );
  await sent.promise;
  const manager = await withoutTransactions();
  const second = start(source, manager);
  await second.caughtUp;
  const copy = await manager.keyValue("t");
  expect(await log(copy)).toEqual(["PUT a 1", "PUT b 1", "PUT a 1"]);
  held.resolve();
  await expect.poll(() => log(copy)).toEqual(["PUT a 1", "PUT b 1", "PUT a 1", "PUT b 1"]);
  await source.put("c", "1");
  await expect(second.ended).rejects.toBeInstanceOf(MirrorConflict);
  await first.ended.catch(() => {});
});

type Gate = PromiseWithResolvers<void>;

describe("a mirror", () => {
  test("begins with a key whose first entry is a marker", async () => {
    const { source, target } = await places();
    await source.delete("c");
    await source.put("c", "1");
    const manager = await target();
    let attempts = 0;
    const running = start(
      having(source, "watch", (_, options) => source.watch("c", options)),
      through(manager, "t", (bucket) =>
        having(bucket, "transaction", async (operations: readonly Operation[]) => {
          attempts += 1;
          // One that begins again at once, for ever, would leave no turn to a deadline.
          if (attempts > 10) throw new KeyValueError("INTERNAL", "it is tried again and again");
          return bucket.transaction(operations);
        }),
      ),
    );
    await running.caughtUp;
    expect(await log(await manager.keyValue("t"))).toEqual(["DEL c ", "PUT c 1"]);
    await running.stop();
  });

  test("waits for a target that is away when it notes how far it has come", async () => {
    const { source, target } = await places();
    const manager = await target();
    let isAway = false;
    const running = start(
      source,
      through(manager, "revkv-mirrors", (bucket) =>
        having(bucket, "update", async (...args) => {
          if (!isAway) return bucket.update(...args);
          isAway = false;
          throw new KeyValueError("UNAVAILABLE", "away");
        }),
      ),
    );
    await running.caughtUp;
    isAway = true;
    await source.put("c", "1");
    const copy = await manager.keyValue("t");
    await expect.poll(() => log(copy)).toEqual(await log(source));
    expect(running.retries()).toBe(1);
    await running.stop();
  });

  test("does not miss what is compacted while it begins", async () => {
    const { source, target } = await places();
    await source.put("z", "1");
    await source.delete("z");
    await source.purgeDeletes({ olderThan: 0 });
    const manager = await target();
    // One entry at a time, so that it stops in the midst of what was compacted before it began.
    let batches = 0;
    const first = start(
      source,
      through(manager, "t", (bucket) =>
        having(bucket, "transaction", async (operations: readonly Operation[]) => {
          batches += 1;
          return bucket.transaction(operations);
        }),
      ),
    );
    await first.caughtUp;
    await first.stop();
    expect(batches).toBe(1);
    const behind = having(source, "watch", async (...args) => {
      await source.delete("b");
      await source.purgeDeletes({ olderThan: 0 });
      return source.watch(...args);
    });
    await expect(start(behind, manager).ended).rejects.toSatisfy((error) =>
      isKeyValueError(error, "REVISION_COMPACTED"),
    );
  });
});
