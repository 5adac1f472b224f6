import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { brief, eventually, read, rejects } from "../expect.ts";
import type { HarnessStorage } from "../harness.ts";
import { inParallel, range } from "../load.ts";
import { withProcesses } from "../process/child-process.ts";
import { violations } from "../process/linearizability.ts";
import type { Recorded } from "../process/record.ts";
import { soon } from "../promptness.ts";
import { record, revisions } from "../recorder.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const otherProcesses = (_: unknown, storage: HarnessStorage): boolean => storage.child !== undefined;

/** What was written, by revision, as a watcher would have to deliver it. */
function writesOf(history: readonly Recorded[]): Recorded[] {
  return history.filter((one) => one.kind === "write").sort((a, b) => a.revision - b.revision);
}

function told({ revision, operation, key, value }: Recorded): string {
  return `${revision} ${operation} ${key}${operation === "PUT" ? `=${value}` : ""}`;
}

function assertLinearizable(history: readonly Recorded[]): void {
  assert.deepEqual(violations(history, { whole: true }), []);
}

const racing: readonly Scenario[] = [
  scenario("M3/processes", "what processes do to a few keys at the same time has one order, that of the revisions", {
    requires: otherProcesses,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const keys = ["a", "b", "c"];
      const recorder = record(await kv.watch(">"));
      await withProcesses(env.storage.child, 4, async (others) => {
        const parts = await Promise.all(
          others.map((other, index) =>
            other.ask("race", {
              bucket: kv.bucket,
              keys,
              operations: 150,
              name: `process-${index}`,
              seed: env.seed + index,
            }),
          ),
        );
        const history = parts.flat();
        assertLinearizable(history);
        const writes = writesOf(history);
        assert.equal((await kv.status()).lastRevision, writes.length, "every write was acknowledged");
        const byRevision = new Map(writes.map((write) => [write.revision, told(write)]));
        for (const entry of await kv.history(">")) assert.equal(brief(entry), byRevision.get(entry.revision));
        await recorder.reaches(writes.length);
        for (const entry of (await recorder.stop()).updates) {
          assert.equal(brief(entry), byRevision.get(entry.revision), "watchers get what was written");
        }
      });
    },
  }),

  scenario("O4/processes-counting", "processes that count by compare-and-set lose nothing, and each watches it all", {
    requires: (capabilities, storage) => otherProcesses(capabilities, storage) && capabilities.crossProcessWatch,
    async run(env) {
      // Everything is kept, so that watchers must get every single revision.
      const kv = await env.bucket({ history: 64 });
      const keys = ["a", "b", "c"];
      const increments = 15;
      await withProcesses(env.storage.child, 4, async (others) => {
        await Promise.all(others.map((other) => other.ask("watch", kv.bucket, ">")));
        const counters = others.slice(0, 3);
        const parts = await Promise.all(
          counters.map((other) => other.ask("count", { bucket: kv.bucket, keys, increments })),
        );
        const total = counters.length * increments * keys.length;
        const watched = await Promise.all(others.map((other) => other.ask("watched", kv.bucket, total)));
        const history = [...parts.flat(), ...watched.flat()];
        assertLinearizable(history);
        const expected = writesOf(history).map(told);
        assert.equal(expected.length, total);
        for (const seen of watched) assert.deepEqual(seen.map(told), expected, "every process sees one log");
      });
      for (const key of keys) assert.equal((await kv.get(key))?.string(), String(3 * increments));
    },
  }),

  scenario("M8/processes", "what a process has written another one reads at once", {
    requires: (capabilities, storage) => otherProcesses(capabilities, storage) && capabilities.readAfterWrite,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await withProcesses(env.storage.child, 2, async ([one, two]) => {
        assert.ok(one !== undefined && two !== undefined);
        for (const number of range(1, 20)) {
          const { revision }: Recorded = await one.ask("put", kv.bucket, "key", `${number}`);
          assert.equal((await two.ask("newest", kv.bucket, "key")).revision, revision);
          assert.equal((await kv.get("key"))?.revision, revision);
          const own = await kv.put("key", "parent");
          assert.equal((await one.ask("newest", kv.bucket, "key")).revision, own);
        }
      });
    },
  }),

  scenario("M9/processes", "processes see each other's buckets, writes and deletions", {
    requires: otherProcesses,
    async run(env) {
      const bucket = env.bucketName();
      await withProcesses(env.storage.child, 2, async ([one, two]) => {
        assert.ok(one !== undefined && two !== undefined);
        await one.ask("createBucket", { bucket, history: 3 });
        assert.equal((await two.ask("put", bucket, "key", "x")).revision, 1);
        const kv = await env.manager.keyValue(bucket);
        assert.equal((await kv.get("key"))?.string(), "x");
        await rejects("BUCKET_EXISTS", two.ask("createBucket", { bucket, history: 4 }));
        await env.manager.deleteKeyValue(bucket);
        await rejects("BUCKET_NOT_FOUND", one.ask("put", bucket, "key", "x"));
        await rejects("BUCKET_NOT_FOUND", two.ask("newest", bucket, "key"));
      });
    },
  }),
];

const watching: readonly Scenario[] = [
  scenario("W11/other-process", "what one process writes arrives in another at once", {
    exclusive: true,
    requires: (capabilities, storage) => otherProcesses(capabilities, storage) && capabilities.crossProcessWatch,
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      await withProcesses(env.storage.child, 2, async ([writer, watcher]) => {
        assert.ok(writer !== undefined && watcher !== undefined);
        await watcher.ask("watch", kv.bucket, ">");
        const writes = new Map<number, Recorded>();
        for (const number of range(1, 25)) {
          const write = await writer.ask("put", kv.bucket, "key", `${number}`);
          writes.set(write.revision, write);
        }
        const seen = await watcher.ask("watched", kv.bucket, 25);
        assert.deepEqual(
          seen.map((one) => one.revision),
          range(1, 25),
        );
        const delays = seen.map((one) => (one.returned - (writes.get(one.revision)?.returned ?? 0)) / 1e6);
        // The median: a pause of the machine is not the adapter's.
        const median = delays.sort((a, b) => a - b)[12] ?? 0;
        assert.ok(median <= soon(env.manager), `entries arrive ${median.toFixed(1)} ms after they were written`);
      });
    },
  }),

  scenario("W11/parent-watches", "a watcher here gets what several processes write, whole and in order", {
    requires: (capabilities, storage) => otherProcesses(capabilities, storage) && capabilities.crossProcessWatch,
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const reader = read(await kv.watch(">"));
      assert.equal(await reader.next(), null);
      await withProcesses(env.storage.child, 3, async (others) => {
        const writes = await Promise.all(
          others.map((other, index) =>
            inParallel(20, 4, (number) => other.ask("put", kv.bucket, `key.${index}`, `${number}`)),
          ),
        );
        const expected = writesOf(writes.flat()).map(told);
        assert.deepEqual((await reader.take(60)).map(brief), expected);
      });
      await reader.watcher.stop();
    },
  }),

  scenario("W9/process-exits", "a process whose watchers have ended and whose manager is closed exits", {
    requires: otherProcesses,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("key", "x");
      await withProcesses(env.storage.child, 1, async ([other]) => {
        assert.ok(other !== undefined);
        await other.ask("leave", kv.bucket);
        assert.equal(await other.exited(), 0);
      });
    },
  }),

  scenario("W9/neglected", "a process in which nobody waits for what its watchers give exits, though all is open", {
    requires: otherProcesses,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("key", "x");
      await withProcesses(env.storage.child, 1, async ([other]) => {
        assert.ok(other !== undefined);
        await other.ask("neglect", kv.bucket);
        assert.equal(await other.exited(), 0);
      });
    },
  }),
];

const startingAndEnding: readonly Scenario[] = [
  scenario("B12/processes-on-empty-storage", "processes that start on an empty storage at the same time all succeed", {
    requires: otherProcesses,
    async run(env) {
      const storage = await env.fresh();
      const bucket = env.bucketName();
      await withProcesses(storage.child, 4, async (others) => {
        await Promise.all(others.map((other) => other.ask("createBucket", { bucket, history: 5 })));
        const puts = await Promise.all(others.map((other, index) => other.ask("put", bucket, `key.${index}`, "x")));
        assert.deepEqual(
          puts.map((put) => put.revision).sort((a, b) => a - b),
          range(1, others.length),
          "all have the same bucket",
        );
      });
    },
  }),

  scenario("M10/killed-process", "a process that is killed while it writes leaves nothing by half and blocks nobody", {
    requires: otherProcesses,
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const recorder = record(await kv.watch(">"));
      await withProcesses(env.storage.child, 3, async (others) => {
        const storms = others.map((other, index) => other.ask("storm", kv.bucket, `process.${index}`));
        const ends = storms.map((storm) => storm.catch((error: unknown) => error));
        for (const other of others) {
          const before = other.acknowledged.length;
          await eventually("a process to write", () => other.acknowledged.length >= before + 40);
          await other.kill();
        }
        await Promise.all(ends);
        // The others' connections may take a moment to be noticed as gone, but no longer than a call may wait.
        await kv.put("after", "x");
        await assertWhole(env, kv, new Set(others.flatMap((other) => other.acknowledged)));
        const log = await kv.history(">");
        await recorder.reaches(log.at(-1)?.revision ?? 0);
        const { initial, updates } = await recorder.stop();
        assert.deepEqual([...initial, ...updates].map(brief), log.map(brief), "watchers have seen all of it");
      });
    },
  }),
];

/** Every revision is there once, what was acknowledged is among them, and pairs are whole. */
async function assertWhole(env: ScenarioEnv, kv: KeyValue, acknowledged: ReadonlySet<number>): Promise<void> {
  const log = await kv.history(">");
  assert.deepEqual(revisions(log), range(1, log.length), "no revision is missing");
  const last = (await kv.status()).lastRevision;
  assert.equal(last, log.length);
  for (const revision of acknowledged) assert.ok(revision <= last, `revision ${revision} was acknowledged`);
  if (!env.capabilities.transactions) return;
  const keys = new Set(await kv.keys("process.>"));
  for (const key of keys) assert.ok(keys.has(key.replace(/\.[ab]$/, ".a")) && keys.has(key.replace(/\.[ab]$/, ".b")));
}

const expiring: readonly Scenario[] = [
  scenario("T7/processes", "with several processes on a bucket each expiry writes exactly one marker", {
    // A clock that only this process moves would not be the others'.
    requires: (capabilities, storage) =>
      otherProcesses(capabilities, storage) &&
      storage.advance === undefined &&
      capabilities.limitMarkers &&
      capabilities.perKeyTtl,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: 3_600_000, history: 5 });
      await withProcesses(env.storage.child, 3, async (others) => {
        await Promise.all(others.map((other) => other.ask("watch", kv.bucket, ">")));
        const keys = range(1, 20).map((number) => `key.${number}`);
        await inParallel(keys.length, 5, (index) => kv.create(keys[index] ?? "", "x", { ttl: 1000 }));
        await env.pass(1000 + env.capabilities.ttlResolutionMs);
        await eventually("a marker for every key", async () => (await kv.status()).lastRevision >= 40);
        const last = await kv.put("last", "x");
        assert.equal(last, 41, "one marker for each key");
        for (const other of others) {
          const seen: Recorded[] = await other.ask("watched", kv.bucket, last);
          const markers = seen.filter((one) => one.operation === "PURGE").map((one) => one.key);
          assert.deepEqual(markers.sort(), keys.toSorted());
        }
      });
    },
  }),
];

/** Several processes on one storage: M3, M8 to M10, O4, B12, W9, W11, T7. */
export const processScenarios: readonly Scenario[] = [...racing, ...watching, ...startingAndEnding, ...expiring];
