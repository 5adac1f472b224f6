import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { newestOf } from "../bucket-state.ts";
import { brief, read } from "../expect.ts";
import { inParallel, range } from "../load.ts";
import { assertRising, revisions } from "../recorder.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** What a watcher costs while its consumer sleeps: W8. */
export const watchBackpressureScenarios: readonly Scenario[] = [
  scenario(
    "W8/sleeping-consumer",
    "after 20,000 puts a consumer that wakes up gets the newest entry of each key, in order",
    {
      async run(env) {
        const kv = await env.bucket();
        const watchers = [await kv.watch(">"), await kv.watch("key.*"), await kv.watch(">", { updatesOnly: true })];
        await inParallel(20_000, 200, (index) => kv.put(`key.${index % 20}`, `${index}`));
        const last = await kv.put("key.10", "last");
        const newest = await newestOf(kv);
        assert.equal(newest.length, 20);
        for (const watcher of watchers) {
          const reader = read(watcher);
          assert.equal(await reader.next(), null);
          const entries = await reader.until("the last put", (entry) => entry.revision === last);
          assert.deepEqual(entries.map(brief), newest.map(brief));
          await watcher.stop();
        }
      },
    },
  ),

  scenario("W8/paused-consumer", "a consumer that pauses in the middle goes on where it was", {
    async run(env) {
      const kv = await env.bucket();
      await inParallel(500, 50, (index) => kv.put(`old.${index}`, "x"));
      const reader = read(await kv.watch(">"));
      const before = await reader.take(100);
      await inParallel(5000, 100, (index) => kv.put(`new.${index % 50}`, `${index}`));
      const last = await kv.put("last", "x");
      const initial = await reader.throughNull();
      assert.deepEqual(revisions(before.concat(initial).filter((item) => item !== null)), range(1, 500));
      const updates = await reader.until("the last put", (entry) => entry.revision === last);
      assertRising(updates, "a watcher that paused");
      assert.deepEqual(updates.map(brief), (await newestOf(kv)).filter((entry) => entry.revision > 500).map(brief));
      await reader.watcher.stop();
    },
  }),

  scenario("W8/memory", "what is written while a consumer sleeps is not held for it in memory", {
    requires: (capabilities) => capabilities.maxValueBytes >= 100_000,
    exclusive: true,
    async run(env) {
      const kv = await env.bucket();
      const size = 100_000;
      const count = 1200;
      const readers = await inParallel(3, 3, async () => read(await kv.watch(">")));
      for (const reader of readers) assert.equal(await reader.next(), null);
      // One of them waits for the next entry when the puts begin, so that it is caught up.
      const waiting = readers[0]?.next();
      const before = await held();
      for (const index of range(1, count)) {
        await kv.put("a", new Uint8Array(size).fill(index));
        // Whoever reads ahead of its consumer has the time to do so.
        await turn();
      }
      // A watcher that reads ahead would hold 120 MB of values; a page for each, and what others do here, is allowed.
      const limit = (size * count) / 2;
      const grown = (await held()) - before;
      assert.ok(
        grown < limit,
        `${grown} bytes are held after ${size * count} were written, less than ${limit} allowed`,
      );
      assert.ok((await waiting) !== null);
      for (const reader of readers) {
        const last = await kv.put("end", "x");
        const rest = await reader.until("the last put", (entry) => entry.revision === last);
        assertRising(rest, "a watcher that slept");
        await reader.watcher.stop();
      }
    },
  }),
];

/** The bytes of all objects and buffers of this process that are still in use. */
async function held(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  // Buffers are given back a little after the objects that held them are collected.
  collectGarbage();
  await turn();
  collectGarbage();
  // What is external includes array buffers.
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
