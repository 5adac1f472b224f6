import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { eventually } from "../expect.ts";
import { inParallel, range } from "../load.ts";
import { record, revisions } from "../recorder.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** The order in which revisions become visible, as watchers see it: M3. */
export const watchOrderScenarios: readonly Scenario[] = [
  scenario("M3/watchers-rising", "with many writers on two managers every watcher sees revisions rise", {
    async run(env) {
      const { kv, other } = await twoHandles(env);
      const recorders = await inParallel(6, 3, async (index) =>
        record(await (index % 2 === 0 ? kv : other).watch(">", { updatesOnly: true })),
      );
      const written = await inParallel(400, 20, (index) =>
        (index % 2 === 0 ? kv : other).put(`key.${index % 10}`, `${index}`),
      );
      for (const recorder of recorders) {
        await recorder.reaches(Math.max(...written));
        assert.deepEqual(revisions((await recorder.stop()).updates), range(1, 400));
      }
    },
  }),

  scenario("M3/nothing-appears-below", "what a watcher has seen past does not appear later, to anybody", {
    async run(env) {
      const { kv, other } = await twoHandles(env);
      const recorder = record(await kv.watch(">"));
      let done = false;
      const writing = inParallel(500, 20, (index) => (index % 2 ? kv : other).put(`key.${index % 10}`, `${index}`));
      const finished = writing.then(() => {
        done = true;
      });
      const observations: { readonly seen: number; readonly below: number }[] = [];
      await eventually("the writers to finish", async () => {
        const seen = recorder.revision;
        const history = await (observations.length % 2 ? kv : other).history(">");
        observations.push({ seen, below: history.filter((entry) => entry.revision <= seen).length });
        return done;
      });
      await finished;
      // History keeps everything here, so that whoever sees revision n finds n entries up to it.
      for (const { seen, below } of observations) assert.equal(below, seen, `all entries up to ${seen} are there`);
      await recorder.stop();
    },
  }),

  scenario("M3/read-then-watch", "a watcher that begins behind what a reader saw gets nothing at or below it", {
    async run(env) {
      const { kv, other } = await twoHandles(env);
      const writing = inParallel(300, 10, (index) => other.put(`key.${index % 6}`, `${index}`));
      const checks = await inParallel(20, 2, async (index) => {
        const seen = (await kv.get(`key.${index % 6}`))?.revision ?? 0;
        return { seen, recorder: record(await kv.watch(">", { updatesOnly: true })) };
      });
      const last = Math.max(...(await writing), await kv.put("last", "x"));
      for (const { seen, recorder } of checks) {
        await recorder.reaches(last);
        const { updates } = await recorder.stop();
        const first = updates[0]?.revision ?? last;
        assert.ok(first > seen, `a watcher behind revision ${seen} begins with ${first}`);
        assert.deepEqual(revisions(updates), range(first, last));
      }
    },
  }),
];

async function twoHandles(env: ScenarioEnv): Promise<{ kv: KeyValue; other: KeyValue }> {
  const kv = await env.bucket({ history: 64 });
  const other = await (await env.open()).keyValue(kv.bucket);
  return { kv, other };
}
