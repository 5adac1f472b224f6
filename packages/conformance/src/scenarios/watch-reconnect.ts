import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { KeyValue } from "@revkv/api";
import { brief, eventually, read } from "../expect.ts";
import type { HarnessStorage } from "../harness.ts";
import { inParallel, range } from "../load.ts";
import { isAway, restart } from "../outage.ts";
import type { Recorder } from "../recorder.ts";
import { record, revisions } from "../recorder.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

interface Writer {
  /** The revisions of the writes that were acknowledged. */
  readonly acknowledged: readonly number[];
  /** How many writes were refused because the storage was away. */
  readonly refused: number;
  stop(): Promise<void>;
}

/** Writes until told to stop, also while the storage is away. */
function writer(kv: KeyValue, name: string): Writer {
  const acknowledged: number[] = [];
  let refused = 0;
  let stopped = false;
  const writing = (async () => {
    for (let index = 0; !stopped; index += 1) {
      try {
        acknowledged.push(await kv.put(`${name}.${index}`, "x"));
      } catch (error) {
        // What became of the write is seen in the log.
        if (!isAway(error)) throw error;
        refused += 1;
      }
      // Not as fast as possible: the log is read as a whole in the end.
      await delay(1);
    }
  })();
  // A failure is told by stop(), whenever that is called.
  writing.catch(() => {});
  return {
    acknowledged,
    get refused() {
      return refused;
    },
    stop: async () => {
      stopped = true;
      await writing;
    },
  };
}

/** A bucket that keeps all, on a storage of its own that can be restarted. */
async function restartable(env: ScenarioEnv): Promise<{ kv: KeyValue; storage: HarnessStorage }> {
  const storage = await env.fresh();
  const manager = await storage.open();
  const kv = await manager.createKeyValue({ bucket: env.bucketName(), history: 64 });
  return { kv, storage };
}

async function putWhenBack(kv: KeyValue, key: string): Promise<number> {
  return await eventually("the storage to accept a write again", async () => {
    try {
      return await kv.put(key, "back");
    } catch (error) {
      if (!isAway(error)) throw error;
      return undefined;
    }
  });
}

async function assertWholeLog(kv: KeyValue, recorder: Recorder): Promise<void> {
  const log = await kv.history(">");
  await recorder.reaches(log.at(-1)?.revision ?? 0);
  const { initial, updates } = await recorder.stop();
  assert.deepEqual([...initial, ...updates].map(brief), log.map(brief));
}

/** What watchers outlive: W10. */
export const watchReconnectScenarios: readonly Scenario[] = [
  scenario("W10/idle-watcher", "a watcher that waits survives a restart and gets what is written after it", {
    requires: (_, storage) => storage.restart !== undefined,
    async run(env) {
      const { kv, storage } = await restartable(env);
      await kv.put("a", "before");
      const recorder = record(await kv.watch(">"));
      await recorder.reaches(1);
      await restart(storage);
      await putWhenBack(kv, "b");
      await assertWholeLog(kv, recorder);
    },
  }),

  scenario("W10/unread-watcher", "a watcher that was not read before the restart delivers its initial set after it", {
    requires: (_, storage) => storage.restart !== undefined,
    async run(env) {
      const { kv, storage } = await restartable(env);
      await inParallel(300, 20, (index) => kv.put(`key.${index}`, "x"));
      const watcher = await kv.watch(">");
      await restart(storage);
      const last = await putWhenBack(kv, "after");
      const recorder = record(watcher);
      await recorder.reaches(last);
      const { initial } = await recorder.stop();
      assert.deepEqual(revisions(initial), range(1, 300));
    },
  }),

  scenario("W10/while-writing", "with writes before, during and after two restarts nothing is missed or doubled", {
    requires: (_, storage) => storage.restart !== undefined,
    async run(env) {
      const { kv, storage } = await restartable(env);
      const recorders = await inParallel(3, 3, async () => record(await kv.watch(">")));
      const writers = [writer(kv, "one"), writer(kv, "two")];
      for (let round = 0; round < 2; round += 1) {
        await Promise.all(recorders.map((recorder) => recorder.reaches(recorder.revision + 1)));
        const refused = writers.map((one) => one.refused);
        const areTold = (): boolean => writers.every((one, index) => one.refused > (refused[index] ?? 0));
        await restart(storage, async () => void (await eventually("the writers to notice", areTold)));
        await putWhenBack(kv, "round");
      }
      await Promise.all(writers.map((one) => one.stop()));
      const kept = new Set(revisions(await kv.history(">")));
      for (const revision of writers.flatMap((one) => one.acknowledged)) {
        assert.ok(kept.has(revision), `revision ${revision} was acknowledged and is there`);
      }
      for (const recorder of recorders) await assertWholeLog(kv, recorder);
    },
  }),

  scenario("W10/new-watcher", "after a restart a watcher can be started and resumed as before", {
    requires: (_, storage) => storage.restart !== undefined,
    async run(env) {
      const { kv, storage } = await restartable(env);
      await kv.put("a", "1");
      const { incarnation } = await kv.status();
      await restart(storage);
      const last = await putWhenBack(kv, "b");
      const resumeIncarnation = env.capabilities.bucketIncarnation ? { resumeIncarnation: incarnation } : {};
      const reader = read(await kv.watch(">", { resumeFromRevision: 1, ...resumeIncarnation }));
      assert.deepEqual(revisions(await reader.throughNull()), [1, last]);
      await kv.put("c", "1");
      assert.equal((await reader.entry()).revision, last + 1);
      await reader.watcher.stop();
    },
  }),
];
