import assert from "node:assert/strict";
import { brief, collect, read, rejects, throughNull } from "../expect.ts";
import { range } from "../load.ts";
import { revisions } from "../recorder.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Which keys a watcher is about: W12, and K3 everywhere. */
export const watchFilterScenarios: readonly Scenario[] = [
  scenario("W12/union", "watch with several filters delivers what any of them matches, in revision order", {
    requires: (capabilities) => capabilities.multipleFilters,
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["a.1", "b.1", "c", "d"]) await kv.put(key, "1");
      const reader = read(await kv.watch(["a.*", "c", "b.>"]));
      assert.deepEqual((await reader.throughNull()).map(brief), ["1 PUT a.1=1", "2 PUT b.1=1", "3 PUT c=1"]);
      for (const key of ["c", "d", "b.2.x", "a.1"]) await kv.put(key, "2");
      assert.deepEqual((await reader.take(3)).map(brief), ["5 PUT c=2", "7 PUT b.2.x=2", "8 PUT a.1=2"]);
      await reader.watcher.stop();
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await rejects("UNSUPPORTED", kv.watch(["a.*", "c"]));
    },
  }),

  scenario("W12/watch-all", "watchAll is a watch of every key, with the same options", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.put("b.c.d", "2");
      await kv.delete("a");
      assert.deepEqual((await throughNull(await kv.watchAll())).map(brief), ["2 PUT b.c.d=2", "3 DEL a"]);
      const options = { includeHistory: true, ignoreDeletes: true };
      assert.deepEqual((await throughNull(await kv.watchAll(options))).map(brief), ["1 PUT a=1", "2 PUT b.c.d=2"]);
      const reader = read(await kv.watchAll({ updatesOnly: true }));
      assert.equal(await reader.next(), null);
      await kv.put("x", "3");
      assert.equal(brief(await reader.next()), "4 PUT x=3");
      await reader.watcher.stop();
    },
  }),

  scenario("W12/bad-filter", "a filter that is none rejects the call", {
    async run(env) {
      const kv = await env.bucket();
      for (const filter of ["", "foo*", "a.>.b", ".a", "a..b", "x y"]) await rejects("INVALID_KEY", kv.watch(filter));
      if (env.capabilities.multipleFilters) await rejects("INVALID_KEY", kv.watch(["a", "b!"]));
    },
  }),

  scenario("K3/overlap-once-watch", "overlapping filters deliver an entry once, in the initial set and live", {
    requires: (capabilities) => capabilities.multipleFilters,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a.b", "1");
      await kv.put("a.c", "2");
      const reader = read(await kv.watch(["a.>", "a.*", "*.b", "a.b", "a.b"], { includeHistory: true }));
      assert.deepEqual((await reader.throughNull()).map(brief), ["1 PUT a.b=1", "2 PUT a.c=2"]);
      await kv.put("a.b", "3");
      await kv.put("b.b", "4");
      assert.deepEqual((await reader.take(2)).map(brief), ["3 PUT a.b=3", "4 PUT b.b=4"]);
      await reader.watcher.stop();
    },
  }),

  scenario(
    "K3/overlap-once-reads",
    "overlapping filters deliver an entry once in history, keys, entries and deleteAll",
    {
      requires: (capabilities) => capabilities.multipleFilters,
      async run(env) {
        const kv = await env.bucket({ history: 5 });
        for (const key of ["a.c", "b", "a.b", "c.b"]) await kv.put(key, "1");
        const filter = ["a.>", "*.b", "a.b", "b"];
        assert.deepEqual((await kv.history(filter)).map(brief), [
          "1 PUT a.c=1",
          "2 PUT b=1",
          "3 PUT a.b=1",
          "4 PUT c.b=1",
        ]);
        const sorted = ["a.b", "a.c", "b", "c.b"];
        assert.deepEqual(await kv.keys(filter), sorted);
        assert.deepEqual(await collect(kv.listKeys(filter)), sorted);
        assert.deepEqual(
          (await collect(kv.entries(filter))).map((entry) => entry.key),
          sorted,
        );
        assert.equal(await kv.deleteAll(filter), 4);
        assert.equal((await kv.status()).lastRevision, 8, "one marker for each key");
      },
      async runWithout(env) {
        const kv = await env.bucket();
        await rejects("UNSUPPORTED", kv.history(["a", "b"]));
        await rejects("UNSUPPORTED", kv.keys(["a", "b"]));
        await rejects("UNSUPPORTED", collect(kv.listKeys(["a", "b"])));
        await rejects("UNSUPPORTED", collect(kv.entries(["a", "b"])));
        await rejects("UNSUPPORTED", kv.deleteAll(["a", "b"]));
        await rejects("UNSUPPORTED", kv.purgeAll(["a", "b"]));
      },
    },
  ),

  scenario("K3/empty-list", "an empty list means all keys", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.put("b.c", "2");
      const all = ["1 PUT a=1", "2 PUT b.c=2"];
      const reader = read(await kv.watch([]));
      assert.deepEqual((await reader.throughNull()).map(brief), all);
      assert.deepEqual((await kv.history([])).map(brief), all);
      assert.deepEqual((await collect(kv.entries([]))).map(brief), all);
      assert.deepEqual(await kv.keys([]), ["a", "b.c"]);
      assert.deepEqual(await collect(kv.listKeys([])), ["a", "b.c"]);
      assert.equal(await kv.purgeAll([]), 2);
      assert.equal((await reader.entry()).operation, "PURGE");
      await reader.watcher.stop();
    },
  }),

  scenario("K3/list-of-one", "a list of one filter is that filter", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a.b", "1");
      await kv.put("b", "2");
      assert.deepEqual((await throughNull(await kv.watch(["a.*"]))).map(brief), ["1 PUT a.b=1"]);
      assert.deepEqual(await kv.keys(["a.*"]), ["a.b"]);
      assert.deepEqual(await kv.keys(["a.*", "a.*"]), ["a.b"], "a filter given twice is one filter");
    },
  }),

  scenario("K3/most-filters", "as many filters as capabilities.maxFilters says work, one more is refused", {
    requires: (capabilities) => capabilities.multipleFilters,
    async run(env) {
      const kv = await env.bucket();
      const { maxFilters } = env.capabilities;
      assert.ok(maxFilters >= 2, "several filters are possible");
      const filters = range(1, Math.min(maxFilters, 500)).map((index) => `k.${index}`);
      for (const key of ["k.1", `k.${filters.length}`, "k.0"]) await kv.put(key, "x");
      const reader = read(await kv.watch(filters));
      assert.deepEqual(revisions(await reader.throughNull()), [1, 2]);
      await kv.put("k.0", "y");
      await kv.put("k.2", "y");
      assert.equal((await reader.entry()).key, "k.2");
      await reader.watcher.stop();
      if (maxFilters <= 100_000) {
        const tooMany = range(0, maxFilters).map((index) => `k.${index}`);
        await rejects("UNSUPPORTED", kv.watch(tooMany));
        await rejects("UNSUPPORTED", kv.keys(tooMany));
      }
    },
  }),
];
