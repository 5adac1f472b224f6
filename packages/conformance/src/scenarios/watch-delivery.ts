import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { fill, newestOf, numbered } from "../bucket-state.ts";
import { brief, read, take } from "../expect.ts";
import { outlive, readable } from "../expiry.ts";
import { inParallel, randomNumbers, range } from "../load.ts";
import { isLocal } from "../promptness.ts";
import type { Recording } from "../recorder.ts";
import { assertRising, record, revisions } from "../recorder.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/**
 * Asserts that a watcher gave what a single reader of the log gets: below some revision the newest entry of each key,
 * but for those overwritten since, and from there on every single entry. `log` is all that was ever written.
 */
function assertIsTheLog({ initial, updates }: Recording, log: readonly KeyValueEntry[]): void {
  const last = log.at(-1)?.revision ?? 0;
  const line = (updates[0]?.revision ?? last + 1) - 1;
  const newest = new Map(log.filter((entry) => entry.revision <= line).map((entry) => [entry.key, entry]));
  const overwritten = new Set(updates.map((entry) => entry.key));
  const all = new Set([...newest.values()].map(brief));
  const expected = new Set([...newest.values()].filter((entry) => !overwritten.has(entry.key)).map(brief));
  assertRising([...initial, ...updates], "a watcher");
  for (const entry of initial) assert.ok(all.has(brief(entry)), `${brief(entry)} is the newest of its key at ${line}`);
  const given = new Set(initial.map(brief));
  for (const entry of expected) assert.ok(given.has(entry), `${entry} is in the initial set at ${line}`);
  assert.deepEqual(updates.map(brief), log.filter((entry) => entry.revision > line).map(brief));
}

/** 3 keys, 100 puts on `writer` at the same time as watches on `watching`. */
async function race(writer: KeyValue, watching: KeyValue): Promise<void> {
  for (const key of ["a", "b", "c"]) await writer.put(key, "0");
  const writing = inParallel(100, 10, (index) => writer.put(["a", "b", "c"][index % 3] ?? "", `${index}`));
  const recorders = await inParallel(5, 2, async () => record(await watching.watch(">")));
  const last = Math.max(...(await writing));
  const log = await writer.history(">");
  assert.deepEqual(revisions(log), range(1, last), "nothing was trimmed: the history is the log");
  for (const recorder of recorders) {
    await recorder.reaches(last);
    assertIsTheLog(await recorder.stop(), log);
  }
}

const nothingLost: readonly Scenario[] = [
  scenario(
    "W7/racing-puts",
    "with 100 puts racing with the call to watch, a watcher gets what a reader of the log gets",
    {
      async run(env) {
        for (let round = 0; round < 8; round += 1) {
          const kv = await env.bucket({ history: 64 });
          await race(kv, kv);
        }
      },
    },
  ),

  scenario("W7/racing-puts-of-another-manager", "the same, when the puts come through another manager", {
    async run(env) {
      const other = await env.open();
      for (let round = 0; round < 5; round += 1) {
        const kv = await env.bucket({ history: 64 });
        await race(await other.keyValue(kv.bucket), kv);
      }
    },
  }),

  scenario("W7/racing-resume", "with puts racing with a resumed watch, every revision from there on comes once", {
    async run(env) {
      for (let round = 0; round < 5; round += 1) {
        const kv = await env.bucket({ history: 64 });
        for (const key of ["a", "b", "c"]) await kv.put(key, "0");
        const writing = inParallel(100, 10, (index) => kv.put(["a", "b", "c"][index % 3] ?? "", `${index}`));
        const recorders = await inParallel(5, 2, async () => record(await kv.watch(">", { resumeFromRevision: 2 })));
        const last = Math.max(...(await writing));
        for (const recorder of recorders) {
          await recorder.reaches(last);
          const { initial, updates } = await recorder.stop();
          assert.deepEqual(revisions([...initial, ...updates]), range(2, last));
        }
      }
    },
  }),

  scenario("W7/racing-deletes", "with puts, deletes and purges racing, no marker that is kept is missed", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const random = randomNumbers(env.seed);
      const keys = ["a", "b", "c", "d"];
      const writing = inParallel(200, 8, async (index) => {
        const key = keys[random(keys.length)] ?? "";
        const kind = random(4);
        return await (kind === 0 ? kv.delete(key) : kind === 1 ? kv.purge(key) : kv.put(key, `${index}`));
      });
      const recorders = await inParallel(4, 2, async () => record(await kv.watch(">")));
      const last = Math.max(...(await writing));
      const kept = await kv.history(">");
      for (const recorder of recorders) {
        await recorder.reaches(last);
        const { initial, updates } = await recorder.stop();
        assertRising([...initial, ...updates], "a watcher");
        const first = initial.at(-1)?.revision ?? 0;
        const given = new Set([...initial, ...updates].map(brief));
        const line = updates[0]?.revision ?? last;
        for (const entry of kept.filter((one) => one.revision >= line && one.revision > first)) {
          assert.ok(given.has(brief(entry)), `${brief(entry)} is kept and was delivered`);
        }
        const state = new Map([...initial, ...updates].map((entry) => [entry.key, brief(entry)]));
        assert.deepEqual(new Set(state.values()), new Set((await newestOf(kv)).map(brief)), "each key's newest entry");
      }
    },
  }),

  scenario(
    "W7/filtered",
    "a watcher with a filter gets exactly the entries that match, however many others there are",
    {
      async run(env) {
        const kv = await env.bucket({ history: 64 });
        const recorder = record(await kv.watch("rare.*"));
        await inParallel(2000, 50, (index) =>
          kv.put(index % 100 === 0 ? `rare.${index % 300}` : `common.${index}`, "x"),
        );
        const matching = await kv.history("rare.*");
        assert.equal(matching.length, 20);
        await recorder.reaches(matching.at(-1)?.revision ?? 0);
        const { initial, updates } = await recorder.stop();
        assert.deepEqual([...initial, ...updates].map(brief), matching.map(brief));
      },
    },
  ),

  scenario(
    "W7/filtered-far-behind",
    "a watcher with a narrow filter that is more than 10,000 revisions behind goes on, and misses nothing",
    {
      // What it writes can hold up the event loop, and others of the same process wait for moments.
      exclusive: true,
      async run(env) {
        const kv = await env.bucket();
        const reader = read(await kv.watch("rare.*", { updatesOnly: true }));
        assert.equal(await reader.next(), null);
        const rare = numbered("rare.", 1_050);
        await fill(kv, rare.slice(0, 1_000));
        await fill(kv, numbered("common.", 11_000));
        // It stops within what it has read so far, and goes on behind more than it may have looked through.
        const first = await reader.take(510);
        await fill(kv, numbered("late.", 2_000));
        await fill(kv, [...rare.slice(1_000), "rare.last"]);
        const rest = await reader.until("the last of them", ({ key }) => key === "rare.last");
        const seen = [...first, ...rest].map((item) => item?.key ?? "");
        assertRising([...first, ...rest] as KeyValueEntry[], "a watcher that is behind");
        assert.deepEqual(seen.toSorted(), [...rare, "rare.last"]);
        await reader.watcher.stop();
      },
    },
  ),

  scenario("W7/slow-consumers", "consumers that are too slow for thousands of puts end with each key's newest entry", {
    async run(env) {
      const kv = await env.bucket();
      const paces = [0, 1, 3].map((turns) => async (): Promise<void> => {
        for (let left = turns; left > 0; left -= 1) await turn();
      });
      const recorders = await Promise.all(paces.map(async (pace) => record(await kv.watch(">"), pace)));
      await inParallel(4000, 40, (index) => kv.put(`key.${index % 40}`, `${index}`));
      const last = await kv.put("last", "x");
      const newest = await newestOf(kv);
      assert.equal(newest.length, 41);
      for (const recorder of recorders) {
        await recorder.reaches(last);
        const { initial, updates } = await recorder.stop();
        const all = [...initial, ...updates];
        assertRising(all, "a slow watcher");
        const state = new Map(all.map((entry) => [entry.key, entry]));
        assert.deepEqual(new Set([...state.values()].map(brief)), new Set(newest.map(brief)));
      }
    },
  }),

  scenario("W7/slow-and-kept", "while everything is kept a slow consumer misses nothing at all", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const recorder = record(await kv.watch(">"), () => turn());
      await inParallel(3000, 50, (index) => kv.put(`key.${index % 60}`, `${index}`));
      await recorder.reaches(3000);
      const { initial, updates } = await recorder.stop();
      assert.deepEqual(initial, []);
      assert.deepEqual(revisions(updates), range(1, 3000));
    },
  }),

  scenario("W7/many-watchers", "100 watchers with different filters each get their own entries, all of them", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const recorders = await inParallel(100, 20, async (index) =>
        record(await kv.watch(index % 10 === 0 ? ">" : `key.${index % 10}`)),
      );
      await inParallel(300, 20, (index) => kv.put(`key.${index % 10}`, `${index}`));
      const last = await kv.put("key.0", "last");
      const log = await kv.history(">");
      for (const [index, recorder] of recorders.entries()) {
        const expected = index % 10 === 0 ? log : log.filter((entry) => entry.key === `key.${index % 10}`);
        await recorder.reaches(expected.at(-1)?.revision ?? last);
        assert.deepEqual((await recorder.stop()).updates.map(brief), expected.map(brief));
      }
    },
  }),
];

const nothingRemoved: readonly Scenario[] = [
  scenario("W7/purged-while-lagging", "a value that was purged before it was read is never delivered", {
    async run(env) {
      const kv = await env.bucket({ history: 20 });
      const watchers = [await kv.watch(">"), await kv.watch("secret"), await kv.watch(">", { updatesOnly: true })];
      for (let index = 0; index < 20; index += 1) await kv.put("secret", `${index}`);
      await kv.purge("secret");
      for (const watcher of watchers) {
        assert.deepEqual((await take(watcher, 2)).map(brief), ["null", "21 PURGE secret"]);
      }
    },
  }),

  scenario("W7/purged-in-page", "a value purged after entries before it were read is not delivered any more", {
    async run(env) {
      const kv = await env.bucket({ history: 20 });
      for (const key of ["a", "secret", "b"]) await kv.put(key, "1");
      const starts = [{}, { includeHistory: true }, { resumeFromRevision: 1 }];
      const readers = await Promise.all(starts.map(async (start) => read(await kv.watch(">", start))));
      for (const reader of readers) assert.equal(brief(await reader.next()), "1 PUT a=1");
      await kv.purge("secret");
      for (const reader of readers) {
        assert.deepEqual((await reader.take(3)).map(brief), ["3 PUT b=1", "null", "4 PURGE secret"]);
        await reader.watcher.stop();
      }
    },
  }),

  scenario("W7/purged-in-live-page", "the same for entries behind null", {
    async run(env) {
      const kv = await env.bucket({ history: 20 });
      const reader = read(await kv.watch(">"));
      assert.equal(await reader.next(), null);
      for (const key of ["a", "secret", "b"]) await kv.put(key, "1");
      assert.equal(brief(await reader.next()), "1 PUT a=1");
      await kv.purge("secret");
      assert.deepEqual((await reader.take(2)).map(brief), ["3 PUT b=1", "4 PURGE secret"]);
      await reader.watcher.stop();
    },
  }),

  scenario(
    "W7/purged-by-another-manager",
    "a value that another manager purged between two calls of next is not delivered any more",
    {
      async run(env) {
        const kv = await env.bucket({ history: 20 });
        const other = await (await env.open()).keyValue(kv.bucket);
        const told = read(await kv.watch(">", { updatesOnly: true }));
        assert.equal(await told.next(), null);
        const live = read(await kv.watch(">", { updatesOnly: true }));
        assert.equal(await live.next(), null);
        for (const key of ["a", "secret", "b"]) await kv.put(key, "1");
        const starts = [{}, { includeHistory: true }, { resumeFromRevision: 1 }];
        const initial = await Promise.all(starts.map(async (start) => read(await kv.watch(">", start))));
        for (const reader of [live, ...initial]) assert.equal(brief(await reader.next()), "1 PUT a=1");
        await other.purge("secret");
        // What a server holds is known here when one of this manager's watchers was told.
        if (!isLocal(env.manager)) await told.until("the marker", ({ revision }) => revision === 4);
        assert.deepEqual((await live.take(2)).map(brief), ["3 PUT b=1", "4 PURGE secret"]);
        for (const reader of initial) {
          assert.deepEqual((await reader.take(3)).map(brief), ["3 PUT b=1", "null", "4 PURGE secret"]);
        }
        for (const reader of [told, live, ...initial]) await reader.watcher.stop();
      },
    },
  ),

  scenario(
    "W7/overwritten-in-page",
    "a value that history trimmed after entries before it were read is not delivered",
    {
      async run(env) {
        const kv = await env.bucket();
        const reader = read(await kv.watch(">"));
        assert.equal(await reader.next(), null);
        for (const key of ["a", "b", "c"]) await kv.put(key, "1");
        assert.equal(brief(await reader.next()), "1 PUT a=1");
        await kv.put("b", "2");
        assert.deepEqual((await reader.take(2)).map(brief), ["3 PUT c=1", "4 PUT b=2"]);
        await reader.watcher.stop();
      },
    },
  ),

  scenario("W7/history-lowered", "entries beyond a history that was lowered are not delivered any more", {
    async run(env) {
      const kv = await env.bucket({ history: 10 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      await kv.put("b", "1");
      const unread = await kv.watch(">", { includeHistory: true });
      const reader = read(await kv.watch(">", { includeHistory: true }));
      assert.equal(brief(await reader.next()), "1 PUT a=1");
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1 });
      assert.deepEqual((await take(unread, 3)).map(brief), ["3 PUT a=3", "4 PUT b=1", "null"]);
      assert.deepEqual((await reader.take(3)).map(brief), ["3 PUT a=3", "4 PUT b=1", "null"]);
      await reader.watcher.stop();
    },
  }),

  scenario("W7/expired-while-lagging", "a value that expired before it was read is not delivered", {
    async run(env) {
      const kv = await env.bucket({ ttl: readable, history: 5 });
      await kv.put("a", "1");
      const initial = await kv.watch(">");
      const live = await kv.watch(">", { updatesOnly: true });
      await kv.put("b", "1");
      await outlive(env, readable);
      await kv.put("c", "1");
      assert.deepEqual((await take(initial, 2)).map(brief), ["null", "3 PUT c=1"]);
      assert.deepEqual((await take(live, 2)).map(brief), ["null", "3 PUT c=1"]);
    },
  }),
];

const wholeTransactions: readonly Scenario[] = [
  scenario("O10/null-not-inside", "null never falls between two entries of a transaction", {
    requires: (capabilities) => capabilities.transactions,
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const writing = inParallel(50, 5, (index) =>
        kv.transaction([
          { op: "put", key: "x", value: `${index}` },
          { op: "put", key: "y", value: `${index}` },
          { op: "put", key: "z", value: `${index}` },
        ]),
      );
      const recorders = await inParallel(20, 4, async () => record(await kv.watch(">", { includeHistory: true })));
      await writing;
      for (const recorder of recorders) {
        await recorder.reaches(150);
        const { initial, updates } = await recorder.stop();
        assert.deepEqual(revisions([...initial, ...updates]), range(1, 150));
        assert.equal(initial.length % 3, 0, "the initial set ends with a whole transaction");
      }
    },
  }),
];

/** What reaches a watcher: W7, and O10 as watchers see it. */
export const watchDeliveryScenarios: readonly Scenario[] = [...nothingLost, ...nothingRemoved, ...wholeTransactions];
