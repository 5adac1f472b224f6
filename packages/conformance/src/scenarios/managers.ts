import assert from "node:assert/strict";
import { isKeyValueError } from "@revkv/api";
import type { WatchReader } from "../expect.ts";
import { brief, eventually, read, rejects } from "../expect.ts";
import { inParallel, range } from "../load.ts";
import { soon } from "../promptness.ts";
import { record, revisions } from "../recorder.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const seeingEachOther: readonly Scenario[] = [
  scenario("M9/writes", "managers on one storage see each other's writes and share one counter", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const other = await (await env.open()).keyValue(kv.bucket);
      assert.equal(await kv.put("a", "1"), 1);
      assert.equal(await other.put("b", "2"), 2);
      assert.equal(await kv.update("b", "3", 2), 3);
      assert.equal((await other.get("b"))?.string(), "3");
      await rejects("REVISION_MISMATCH", other.update("b", "4", 2), { key: "b", expected: 2 });
      await rejects("KEY_EXISTS", other.create("a", "5"), { key: "a", revision: 1 });
      assert.equal(await other.delete("a"), 4);
      assert.equal(await kv.get("a"), null);
      assert.equal(await kv.create("a", "6"), 5);
      const expected = ["1 PUT a=1", "2 PUT b=2", "3 PUT b=3", "4 DEL a", "5 PUT a=6"];
      assert.deepEqual((await kv.history(">")).map(brief), expected);
      assert.deepEqual((await other.history(">")).map(brief), expected);
    },
  }),

  scenario("M9/watch-events", "a watcher gets what any manager writes, in one order", {
    async run(env) {
      const kv = await env.bucket({ history: 20 });
      const managers = await inParallel(2, 2, () => env.open());
      const handles = [kv, ...(await Promise.all(managers.map((manager) => manager.keyValue(kv.bucket))))];
      const readers = await Promise.all(handles.map(async (handle) => read(await handle.watch(">"))));
      for (const reader of readers) assert.equal(await reader.next(), null);
      for (const [index, handle] of handles.entries()) {
        await handle.put("a", `${index}`);
        await handle.delete(`b.${index}`);
      }
      const expected = ["1 PUT a=0", "2 DEL b.0", "3 PUT a=1", "4 DEL b.1", "5 PUT a=2", "6 DEL b.2"];
      for (const reader of readers) {
        assert.deepEqual((await reader.take(6)).map(brief), expected);
        await reader.watcher.stop();
      }
    },
  }),

  scenario("M9/closing-one", "closing one manager leaves the other, its watchers and the storage alone", {
    async run(env) {
      const kv = await env.bucket();
      const leaving = await env.open();
      const staying = await env.open();
      const reader = read(await (await staying.keyValue(kv.bucket)).watch(">"));
      assert.equal(await reader.next(), null);
      const last = await (await leaving.keyValue(kv.bucket)).put("a", "1");
      await leaving.close();
      assert.equal((await reader.entry()).revision, last);
      await kv.put("b", "2");
      assert.equal(brief(await reader.next()), "2 PUT b=2");
      await reader.watcher.stop();
    },
  }),

  scenario("W11/other-manager", "what another manager writes arrives as soon as what one's own does", {
    exclusive: true,
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      const own = read(await kv.watch(">"));
      const foreign = read(await other.watch(">"));
      assert.deepEqual([await own.next(), await foreign.next()], [null, null]);
      const delays: number[] = [];
      for (const value of range(1, 25)) {
        const arrivals = Promise.all([own, foreign].map(arrival));
        await kv.put("a", `${value}`);
        const [atOwn = 0, atForeign = 0] = await arrivals;
        delays.push(atForeign - atOwn);
      }
      delays.sort((a, b) => a - b);
      // The median: a pause of this process is not the adapter's.
      const median = delays[12] ?? 0;
      assert.ok(
        median <= soon(env.manager),
        `entries arrive ${median.toFixed(1)} ms later at another manager's watcher`,
      );
      await own.watcher.stop();
      await foreign.watcher.stop();
    },
  }),
];

/** When the next entry arrives at a watcher, in milliseconds. */
async function arrival(reader: WatchReader): Promise<number> {
  await reader.entry();
  return performance.now();
}

const creatingAtOnce: readonly Scenario[] = [
  scenario("B12/create-and-delete", "creating and deleting at the same time leaves a whole bucket or none", {
    async run(env) {
      const other = await env.open();
      for (let round = 0; round < 10; round += 1) {
        const bucket = env.bucketName();
        await env.manager.createKeyValue({ bucket });
        const [created, deleted] = await Promise.allSettled([
          env.manager.createKeyValue({ bucket }),
          other.deleteKeyValue(bucket),
        ]);
        assert.deepEqual([created.status, deleted.status], ["fulfilled", "fulfilled"]);
        await usableOrGone(env, bucket);
      }
    },
  }),
];

async function usableOrGone(env: ScenarioEnv, bucket: string): Promise<void> {
  try {
    const kv = await env.manager.keyValue(bucket);
    assert.equal(await kv.put("a", "1"), 1, "it is new and works");
  } catch (error) {
    if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
  }
}

const expiring: readonly Scenario[] = [
  scenario(
    "T7/one-marker-while-written",
    "with many managers writing at that moment each expiry writes exactly one marker",
    {
      requires: (capabilities) => capabilities.limitMarkers && capabilities.perKeyTtl,
      async run(env) {
        const kv = await env.bucket({ limitMarkerTtl: 3_600_000, history: 10 });
        const managers = await inParallel(4, 4, () => env.open());
        const kvs = await Promise.all(managers.map((manager) => manager.keyValue(kv.bucket)));
        const recorders = await Promise.all([kv, ...kvs].map(async (handle) => record(await handle.watch(">"))));
        const keys = range(1, 30).map((number) => `key.${number}`);
        await inParallel(keys.length, 10, (index) => kv.create(keys[index] ?? "", "x", { ttl: 1000 }));
        await env.pass(1000 + env.capabilities.ttlResolutionMs);
        // Half of the keys are written to by everybody at the moment at which the sweepers may find them.
        const contested = keys.slice(0, 15);
        const attempts = contested.flatMap((key) => kvs.map((handle) => ({ key, handle })));
        const created = await Promise.allSettled(attempts.map(({ key, handle }) => handle.create(key, "again")));
        const winners = created.filter(({ status }) => status === "fulfilled");
        assert.equal(winners.length, contested.length, "one create for each key succeeds");
        await eventually("a marker for every key", async () => (await kv.status()).lastRevision >= 75);
        const markers = (await kv.history(">")).filter((entry) => entry.reason === "expired");
        assert.deepEqual(markers.map((entry) => entry.key).toSorted(), keys.toSorted(), "one marker for each key");
        assert.equal((await kv.status()).lastRevision, 75, "30 values, 30 markers, 15 values");
        for (const recorder of recorders) {
          await recorder.reaches(75);
          const { updates } = await recorder.stop();
          assert.deepEqual(revisions(updates.filter((entry) => entry.reason === "expired")), revisions(markers));
        }
      },
    },
  ),
];

/** Several managers on one storage: M9, W11, B12, T7. */
export const managerScenarios: readonly Scenario[] = [...seeingEachOther, ...creatingAtOnce, ...expiring];
