import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { KeyValue } from "@revkv/api";
import { fill, numbered } from "../bucket-state.ts";
import { throughNull } from "../expect.ts";
import { randomNumbers, range } from "../load.ts";
import { withProcesses } from "../process/child-process.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const keys = numbered("key", 500);
const values = ["1", "2", "3"];

/** Gives every key more values; returns the newest revision that a history of one drops. */
async function overwrite(kv: KeyValue): Promise<number> {
  for (const value of values) await fill(kv, keys, value);
  return (await kv.status()).lastRevision - keys.length;
}

/** Asserts that no read shows a revision up to this one, and each key has an entry. */
async function assertGone(kv: KeyValue, dropped: number): Promise<void> {
  const reads = [
    await kv.history(">"),
    await throughNull(await kv.watchAll({ includeHistory: true })),
    await throughNull(await kv.watchAll({ resumeFromRevision: 1 })),
  ];
  for (const entries of reads) {
    assert.deepEqual(new Set(entries.map(({ key }) => key)), new Set(keys));
    assert.deepEqual(
      entries.filter(({ revision }) => revision <= dropped).map(({ revision }) => revision),
      [],
    );
  }
  assert.equal(await kv.getRevision(keys.at(-1) as string, dropped), null);
}

/** Changes of history beside others, and ones that come to no end (rule B6). */
export const loweredHistoryScenarios: readonly Scenario[] = [
  scenario("B6/lowered-while-raised", "what one manager drops, another that raises history then does not keep", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const { bucket } = kv;
      const [one, other] = [await env.open(), await env.open()];
      for (const round of range(1, 4)) {
        await env.manager.updateKeyValue({ bucket, history: 3 });
        const dropped = await overwrite(kv);
        const raise = () => other.updateKeyValue({ bucket, history: 5 });
        const early = round % 2 === 0 ? raise() : undefined;
        const lowering = one.updateKeyValue({ bucket, history: 1 });
        const raising = early ?? raise();
        const writing = fill(kv, keys.slice(0, 50), "while it changes");
        await assertGone(await lowering, dropped);
        await Promise.all([writing, assertGone(await raising, dropped)]);
        const { values, history = 0 } = await kv.status();
        assert.ok([1, 5].includes(history), `one of the changes was the last: ${history}`);
        assert.equal(values, (await kv.history(">")).length);
        await fill(kv, keys.slice(0, 10), "after it");
        await fill(kv, keys.slice(0, 10), "again");
        const own = (await kv.history(keys[0] as string)).map((entry) => entry.string());
        assert.deepEqual(own.slice(-2), history === 1 ? ["again"] : ["after it", "again"]);
      }
    },
  }),
  scenario("B6/lowering-process-killed", "a process that is killed while it lowers history has done so, or has not", {
    requires: (_, storage) => storage.child !== undefined,
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const { bucket } = kv;
      await overwrite(kv);
      const from = performance.now();
      await env.manager.updateKeyValue({ bucket, history: 1 });
      const took = performance.now() - from;
      const random = randomNumbers(env.seed);
      await withProcesses(env.storage.child, 3, async (others) => {
        for (const [index, other] of others.entries()) {
          await env.manager.updateKeyValue({ bucket, history: 3 });
          const dropped = await overwrite(kv);
          const lowering = other.ask("updateBucket", { bucket, history: 1 }).catch((error: unknown) => error);
          await setTimeout((random(100) / 100) * took);
          await other.kill();
          await lowering;
          const again = index % 2 === 0;
          if (again) {
            await env.manager.updateKeyValue({ bucket, history: 1 });
            await assertGone(kv, dropped);
          }
          // What is still under way comes before or after it, and does not touch what comes then.
          await env.manager.updateKeyValue({ bucket, history: 5 });
          const kept = (await kv.history(">")).length / keys.length;
          assert.ok([1, values.length].includes(kept), `all keys are like each other, and have ${kept} entries`);
          if (again || kept === 1) await assertGone(kv, dropped);
          await fill(kv, keys, "later");
          assert.equal((await kv.history(">")).length, (kept + 1) * keys.length);
          assert.equal((await kv.status()).values, (kept + 1) * keys.length);
        }
      });
    },
  }),
];
