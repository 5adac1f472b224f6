import assert from "node:assert/strict";
import { brief, bytes, collect, read, rejects, take, throughNull } from "../expect.ts";
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

const markersAndValues: readonly Scenario[] = [
  scenario("W3/delete-hidden", "ignoreDeletes hides DEL markers, in the initial set and live", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.put("b", "1");
      await kv.delete("a");
      const reader = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.deepEqual((await reader.throughNull()).map(brief), ["2 PUT b=1"]);
      await kv.delete("b");
      await kv.put("a", "2");
      assert.equal(brief(await reader.next()), "5 PUT a=2");
      await reader.watcher.stop();
    },
  }),

  scenario("W3/purge-hidden", "ignoreDeletes hides PURGE markers, in the initial set and live", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.put("b", "1");
      await kv.purge("a");
      const reader = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.deepEqual((await reader.throughNull()).map(brief), ["2 PUT b=1"]);
      await kv.purge("b");
      await kv.put("a", "2");
      assert.equal(brief(await reader.next()), "5 PUT a=2");
      await reader.watcher.stop();
    },
  }),

  scenario("W3/null-still-comes", "with nothing but hidden markers null comes all the same", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.purge("b");
      const reader = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.equal(await reader.next(), null);
      await kv.put("b", "1");
      assert.equal(brief(await reader.next()), "4 PUT b=1");
      await reader.watcher.stop();
    },
  }),

  scenario("W3/history-values", "with includeHistory the values before a hidden marker are given", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("a", "2");
      await kv.delete("a");
      const watcher = await kv.watch(">", { ignoreDeletes: true, includeHistory: true });
      assert.deepEqual((await throughNull(watcher)).map(brief), ["1 PUT a=1", "3 PUT a=2"]);
    },
  }),

  scenario("W3/expiry-marker-hidden", "ignoreDeletes hides the markers of expired values, too", {
    requires: (capabilities) => capabilities.limitMarkers && capabilities.perKeyTtl,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: 3_600_000 });
      const seeing = read(await kv.watch(">"));
      const hiding = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.equal(await seeing.next(), null);
      assert.equal(await hiding.next(), null);
      await kv.create("a", "1", { ttl: 1000 });
      assert.equal(brief(await seeing.next()), "1 PUT a=1");
      assert.equal(brief(await hiding.next()), "1 PUT a=1");
      await env.pass(1000);
      assert.equal(brief(await seeing.next()), "2 PURGE a expired");
      assert.deepEqual(await throughNull(await kv.watch(">", { ignoreDeletes: true })), []);
      await kv.put("b", "1");
      assert.equal(brief(await hiding.next()), "3 PUT b=1");
      await seeing.watcher.stop();
      await hiding.watcher.stop();
    },
  }),

  scenario("W4/meta-only", "metaOnly leaves the value out and keeps its length, in the initial set and live", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "five!");
      await kv.put("empty", "");
      await kv.delete("gone");
      const reader = read(await kv.watch(">", { metaOnly: true }));
      const initial = await reader.throughNull();
      await kv.put("a", bytes("longer"));
      const entries = [...initial, await reader.entry()];
      await kv.purge("a");
      entries.push(await reader.entry());
      assert.deepEqual(
        entries.map(({ revision, operation, key, length }) => ({ revision, operation, key, length })),
        [
          { revision: 1, operation: "PUT", key: "a", length: 5 },
          { revision: 2, operation: "PUT", key: "empty", length: 0 },
          { revision: 3, operation: "DEL", key: "gone", length: 0 },
          { revision: 4, operation: "PUT", key: "a", length: 6 },
          { revision: 5, operation: "PURGE", key: "a", length: 0 },
        ],
      );
      for (const entry of entries) assert.equal(entry.value.length, 0, "the value is left out");
      await reader.watcher.stop();
    },
  }),

  scenario("W4/beside-a-full-watcher", "a metaOnly watcher takes nothing from one that wants values", {
    async run(env) {
      const kv = await env.bucket();
      const lean = read(await kv.watch(">", { metaOnly: true }));
      const full = read(await kv.watch(">"));
      assert.equal(await lean.next(), null);
      assert.equal(await full.next(), null);
      await kv.put("a", "value");
      assert.equal((await lean.entry()).value.length, 0);
      assert.equal((await full.entry()).string(), "value");
      await lean.watcher.stop();
      await full.watcher.stop();
    },
  }),

  scenario("W6/is-update", "isUpdate is false before null and true after it, markers included", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("b");
      await kv.put("a", "2");
      for (const start of [{}, { includeHistory: true }, { updatesOnly: true }, { resumeFromRevision: 2 }]) {
        const reader = read(await kv.watch(">", start));
        for (const entry of await reader.throughNull()) assert.equal(entry.isUpdate, false, "in the initial set");
        const last = await kv.put("c", "live");
        await kv.delete("c");
        assert.deepEqual([(await reader.entry()).isUpdate, (await reader.entry()).isUpdate], [true, true], "live");
        // The same entry is an update for one watcher and initial for another.
        const other = await throughNull(await kv.watch("c", { resumeFromRevision: last }));
        assert.deepEqual([other[0]?.revision, other[0]?.isUpdate], [last, false]);
        await reader.watcher.stop();
      }
    },
  }),

  scenario("W6/line-before-resolve", "what was written after watch() resolved is an update, however late it is read", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const watcher = await kv.watch(">");
      await kv.put("b", "2");
      const flags = (await take(watcher, 3)).map((item) => item?.isUpdate);
      assert.deepEqual(flags, [false, undefined, true]);
    },
  }),

  scenario("W6/outside-watches", "isUpdate and delta mean nothing outside: false, and 0 except in history", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      const revision = await kv.put("a", "2");
      const [many] = await kv.getMany(["a"]);
      const [streamed] = await collect(kv.entries());
      for (const entry of [await kv.get("a"), await kv.getRevision("a", revision), many, streamed]) {
        assert.deepEqual([entry?.isUpdate, entry?.delta], [false, 0]);
      }
      for (const entry of await kv.history("a")) assert.equal(entry.isUpdate, false);
      const watched = await throughNull(await kv.watch("a", { includeHistory: true }));
      assert.deepEqual(
        watched.map((entry) => entry.delta),
        [0, 0],
      );
    },
  }),
];

const filters: readonly Scenario[] = [
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

/** What a watcher starts with and which entries it gives: W1 to W4, W6, W12, K3. */
export const watchInitialScenarios: readonly Scenario[] = [
  ...initialSet,
  ...startingPoints,
  ...markersAndValues,
  ...filters,
];
