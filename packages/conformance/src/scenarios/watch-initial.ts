import assert from "node:assert/strict";
import { brief, read, rejects, take, throughNull } from "../expect.ts";
import { inParallel, range } from "../load.ts";
import { revisions } from "../recorder.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const initialSet: readonly Scenario[] = [
  scenario("W1/empty-null-first", "on an empty bucket null comes first and at once, then what is written", {
    async run(env) {
      const kv = await env.bucket();
      const reader = read(await kv.watch(">"));
      assert.equal(await reader.next(), null);
      await kv.put("a", "1");
      assert.equal(brief(await reader.next()), "1 PUT a=1");
      await reader.watcher.stop();
    },
  }),

  scenario("W1/no-match-null-first", "where no key matches null comes first, too", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("other", "x");
      const reader = read(await kv.watch("a.*"));
      assert.equal(await reader.next(), null);
      await kv.put("a.b", "1");
      assert.equal(brief(await reader.next()), "2 PUT a.b=1");
      await reader.watcher.stop();
    },
  }),

  scenario("W1/initial-set", "the newest entry of every matching key comes first, in rising revision order", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      for (const key of ["z", "a", "m", "a", "k"]) await kv.put(key, key);
      await kv.put("z", "again");
      assert.deepEqual((await throughNull(await kv.watch(">"))).map(brief), [
        "3 PUT m=m",
        "4 PUT a=a",
        "5 PUT k=k",
        "6 PUT z=again",
      ]);
    },
  }),

  scenario("W1/initial-markers", "markers are in the initial set", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("deleted", "x");
      await kv.put("live", "x");
      await kv.put("purged", "x");
      await kv.purge("purged");
      await kv.delete("deleted");
      await kv.delete("never-there");
      assert.deepEqual((await throughNull(await kv.watch(">"))).map(brief), [
        "2 PUT live=x",
        "4 PURGE purged",
        "5 DEL deleted",
        "6 DEL never-there",
      ]);
    },
  }),

  scenario("W1/only-matching", "only keys that match are delivered, before and after null", {
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["a", "a.b", "a.b.c", "b.b"]) await kv.put(key, "1");
      const reader = read(await kv.watch("a.*"));
      assert.deepEqual((await reader.throughNull()).map(brief), ["2 PUT a.b=1"]);
      for (const key of ["a", "a.c", "a.b.c", "b.b", "a.b"]) await kv.put(key, "2");
      assert.deepEqual((await reader.take(2)).map(brief), ["6 PUT a.c=2", "9 PUT a.b=2"]);
      await reader.watcher.stop();
    },
  }),

  scenario("W1/null-once", "null comes exactly once, and every later entry in revision order", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      await kv.put("a", "0");
      const reader = read(await kv.watch(">"));
      assert.deepEqual((await reader.throughNull()).map(brief), ["1 PUT a=0"]);
      await kv.put("b", "1");
      await kv.delete("a");
      assert.deepEqual((await reader.take(2)).map(brief), ["2 PUT b=1", "3 DEL a"]);
      await kv.purge("b");
      await kv.delete("none");
      await kv.put("a", "2");
      assert.deepEqual((await reader.take(3)).map(brief), ["4 PURGE b", "5 DEL none", "6 PUT a=2"]);
      await reader.watcher.stop();
      assert.deepEqual(await reader.ended(), []);
    },
  }),

  scenario("W1/line-before-resolve", "what is written after watch() resolved is live, even if nothing was read yet", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("before", "1");
      const watcher = await kv.watch(">");
      await kv.put("after", "2");
      assert.deepEqual((await take(watcher, 3)).map(brief), ["1 PUT before=1", "null", "2 PUT after=2"]);
    },
  }),

  scenario("W1/line-on-empty-bucket", "on a bucket that was empty null comes before what was written since", {
    async run(env) {
      const kv = await env.bucket();
      const watcher = await kv.watch(">");
      await kv.put("a", "1");
      await kv.put("b", "2");
      assert.deepEqual((await take(watcher, 3)).map(brief), ["null", "1 PUT a=1", "2 PUT b=2"]);
    },
  }),

  ...[1, 5].map((history) =>
    scenario(
      `W1/overwritten-before-read-history-${history}`,
      `a key overwritten before its initial entry was read comes only as the later one (history ${history})`,
      {
        async run(env) {
          const kv = await env.bucket({ history });
          for (const key of ["a", "b", "c"]) await kv.put(key, "1");
          const watcher = await kv.watch(">");
          await kv.put("a", "2");
          await kv.delete("c");
          assert.deepEqual((await take(watcher, 4)).map(brief), ["2 PUT b=1", "null", "4 PUT a=2", "5 DEL c"]);
        },
      },
    ),
  ),

  ...[1, 5].map((history) =>
    scenario(
      `W1/overwritten-while-reading-history-${history}`,
      `a key overwritten while entries before it are read comes only as the later one (history ${history})`,
      {
        async run(env) {
          const kv = await env.bucket({ history });
          for (const key of ["a", "b", "c", "d"]) await kv.put(key, "1");
          const reader = read(await kv.watch(">"));
          assert.equal(brief(await reader.next()), "1 PUT a=1");
          await kv.put("c", "2");
          assert.deepEqual((await reader.take(4)).map(brief), ["2 PUT b=1", "4 PUT d=1", "null", "5 PUT c=2"]);
          await reader.watcher.stop();
        },
      },
    ),
  ),

  scenario("W1/read-before-overwritten", "a key overwritten after its initial entry was read comes twice", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.put("b", "1");
      const reader = read(await kv.watch(">"));
      assert.equal(brief(await reader.next()), "1 PUT a=1");
      await kv.put("a", "2");
      assert.deepEqual((await reader.take(3)).map(brief), ["2 PUT b=1", "null", "3 PUT a=2"]);
      await reader.watcher.stop();
    },
  }),

  scenario("W1/large-initial-set", "paging is invisible: 2,500 keys come once each, in order, before one null", {
    async run(env) {
      const kv = await env.bucket();
      await inParallel(2500, 100, (index) => kv.put(`key.${index}`, `${index}`));
      // A third is written again, so that the order of keys, of first writes and of newest entries all differ.
      await inParallel(800, 100, (index) => kv.put(`key.${2499 - index * 3}`, "again"));
      const reader = read(await kv.watch(">"));
      const initial = await reader.throughNull();
      assert.equal(initial.length, 2500);
      assert.equal(new Set(initial.map((entry) => entry.key)).size, 2500, "no key comes twice");
      assert.deepEqual(
        revisions(initial),
        revisions(initial).toSorted((a, b) => a - b),
        "in rising revision order",
      );
      assert.deepEqual(revisions(initial.slice(-800)), range(2501, 3300));
      const last = await kv.put("key.0", "live");
      assert.equal((await reader.entry()).revision, last);
      await reader.watcher.stop();
    },
  }),

  scenario("W1/large-values", "an initial set of many large values is paged by bytes without losing any", {
    async run(env) {
      const kv = await env.bucket();
      const size = Math.min(400_000, env.capabilities.maxValueBytes);
      await inParallel(40, 4, (index) => kv.put(`big.${index}`, new Uint8Array(size).fill(index)));
      const initial = await throughNull(await kv.watch(">"));
      assert.equal(initial.length, 40);
      for (const entry of initial) {
        const fill = Number(entry.key.slice(4));
        assert.equal(entry.value.length, size);
        assert.ok(entry.value[0] === fill && entry.value[size - 1] === fill, `${entry.key} has its own value`);
      }
    },
  }),
];

const startingPoints: readonly Scenario[] = [
  scenario("W2/include-history", "includeHistory begins with every kept entry, then null, then what follows", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      for (const value of ["1", "2", "3", "4"]) await kv.put("a", value);
      await kv.put("b", "1");
      await kv.delete("a");
      const reader = read(await kv.watch(">", { includeHistory: true }));
      assert.deepEqual((await reader.throughNull()).map(brief), ["3 PUT a=3", "4 PUT a=4", "5 PUT b=1", "6 DEL a"]);
      await kv.put("a", "5");
      assert.equal(brief(await reader.next()), "7 PUT a=5");
      await reader.watcher.stop();
    },
  }),

  scenario("W2/include-history-after-purge", "of a purged key includeHistory gives the marker alone", {
    async run(env) {
      const kv = await env.bucket({ history: 10 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      await kv.purge("a");
      assert.deepEqual((await throughNull(await kv.watch("a", { includeHistory: true }))).map(brief), ["4 PURGE a"]);
    },
  }),

  scenario("W2/include-history-line", "kept entries stay in the initial set when the key is written again meanwhile", {
    async run(env) {
      const kv = await env.bucket({ history: 10 });
      await kv.put("a", "1");
      await kv.put("a", "2");
      const watcher = await kv.watch(">", { includeHistory: true });
      await kv.put("a", "3");
      assert.deepEqual((await take(watcher, 4)).map(brief), ["1 PUT a=1", "2 PUT a=2", "null", "3 PUT a=3"]);
    },
  }),

  scenario("W2/include-history-large", "paging is invisible: 3,000 kept entries come once each, in order", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      await inParallel(3000, 100, (index) => kv.put(`key.${index % 60}`, `${index}`));
      const initial = await throughNull(await kv.watch(">", { includeHistory: true }));
      assert.deepEqual(revisions(initial), range(1, 3000));
    },
  }),

  scenario("W2/updates-only", "updatesOnly has no initial set: null first, then what follows", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("b", "1");
      const reader = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await reader.next(), null);
      await kv.put("a", "2");
      assert.equal(brief(await reader.next()), "4 PUT a=2");
      await reader.watcher.stop();
    },
  }),

  scenario("W2/updates-only-line", "updatesOnly begins behind the newest entry at the moment of the call", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      const watcher = await kv.watch(">", { updatesOnly: true });
      await kv.put("a", "2");
      await kv.put("a", "3");
      assert.deepEqual((await take(watcher, 3)).map(brief), ["null", "2 PUT a=2", "3 PUT a=3"]);
    },
  }),

  scenario("W2/both-refused", "includeHistory and updatesOnly together are refused", {
    async run(env) {
      const kv = await env.bucket();
      await rejects("INVALID_ARGUMENT", kv.watch(">", { includeHistory: true, updatesOnly: true }));
      await rejects("INVALID_ARGUMENT", kv.watchAll({ includeHistory: true, updatesOnly: true }));
    },
  }),

  scenario("W2/false-is-absent", "options that are false or undefined are as if left out", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      const off = { includeHistory: false, updatesOnly: false, ignoreDeletes: false, metaOnly: false };
      assert.deepEqual((await throughNull(await kv.watch(">", off))).map(brief), ["2 DEL a"]);
      const unset = { includeHistory: undefined, updatesOnly: undefined, resumeFromRevision: undefined };
      assert.deepEqual((await throughNull(await kv.watch(">", unset))).map(brief), ["2 DEL a"]);
    },
  }),
];

/** What a watcher starts with: W1, W2. */
export const watchInitialScenarios: readonly Scenario[] = [...initialSet, ...startingPoints];
