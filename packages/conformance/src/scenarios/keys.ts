import assert from "node:assert/strict";
import { fill, numbered } from "../bucket-state.ts";
import { listWhileWriting } from "../churn.ts";
import { brief, collect, eventually, rejects } from "../expect.ts";
import { hour, outlive } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Keys that sort differently by byte, by a language's rules, and by token. */
const unsorted = [
  "b",
  "a.b",
  "A",
  "_",
  "a",
  "-",
  "ab",
  "a-b",
  "Z",
  "a/b",
  "1",
  "10",
  "2",
  "=",
  "/",
  "a.a",
  "aB",
  "a0",
  "a=b",
  "z",
];

/** Beginnings of keys that a language sorts among each other, since it looks at letters and digits first. */
const beginnings = "a A _a -a /a =a a- a_ a/ a= a. aB Ab AB b B z Z 0 _ - = /".split(" ");

/** Listing keys. */
export const listingScenarios: readonly Scenario[] = [
  scenario("L1/sorted-live-keys", "keys and listKeys give the live keys, sorted by byte, without doubles", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      assert.deepEqual(await kv.keys(), [], "an empty bucket");
      assert.deepEqual(await collect(kv.listKeys()), []);
      for (const key of unsorted) await kv.put(key, "1");
      for (const key of unsorted) await kv.put(key, "2");
      const sorted = unsorted.toSorted();
      assert.deepEqual(await kv.keys(), sorted);
      assert.deepEqual(await collect(kv.listKeys()), sorted);
      await kv.delete("a");
      await kv.purge("Z");
      await kv.delete("never");
      await kv.delete("z");
      await kv.put("z", "again");
      const live = sorted.filter((key) => key !== "a" && key !== "Z");
      assert.deepEqual(await kv.keys(), live);
      assert.deepEqual(await collect(kv.listKeys()), live);
      await kv.deleteAll();
      assert.deepEqual(await kv.keys(), [], "a bucket that has only markers");
      assert.deepEqual(await collect(kv.listKeys()), []);
    },
  }),

  scenario("L1/filters", "keys and listKeys take filters", {
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["b.1", "a.2", "a.1", "a", "a.1.x", "c"]) await kv.put(key, "x");
      await kv.delete("a.2");
      const wanted: readonly (readonly [string | readonly string[], readonly string[]])[] = [
        ["a.*", ["a.1"]],
        ["a.>", ["a.1", "a.1.x"]],
        ["*.1", ["a.1", "b.1"]],
        ["*", ["a", "c"]],
        [">", ["a", "a.1", "a.1.x", "b.1", "c"]],
        ["a.2", []],
        ["c", ["c"]],
        ["d.*", []],
        [[], ["a", "a.1", "a.1.x", "b.1", "c"]],
        [["a.*"], ["a.1"]],
      ];
      for (const [filter, expected] of wanted) {
        assert.deepEqual(await kv.keys(filter), expected, `keys of ${String(filter)}`);
        assert.deepEqual(await collect(kv.listKeys(filter)), expected, `listKeys of ${String(filter)}`);
      }
    },
  }),

  scenario("L1/lists", "keys and listKeys give each key once, whatever filters overlap", {
    requires: ({ multipleFilters }) => multipleFilters,
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["b.1", "a.2", "a.1", "a", "c"]) await kv.put(key, "x");
      const filters = ["c", "a.*", "*.1", "a.1", "c"];
      assert.deepEqual(await kv.keys(filters), ["a.1", "a.2", "b.1", "c"]);
      assert.deepEqual(await collect(kv.listKeys(filters)), ["a.1", "a.2", "b.1", "c"]);
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await rejects("UNSUPPORTED", kv.keys(["a", "b"]));
      await rejects("UNSUPPORTED", collect(kv.listKeys(["a", "b"])));
    },
  }),

  scenario("L1/many-keys", "more keys than fit in any page are all listed, in order", {
    async run(env) {
      const kv = await env.bucket();
      const all = numbered("k.", 2_300);
      await fill(kv, all.toReversed());
      await fill(kv, ["j", "l"]);
      assert.deepEqual(await kv.keys("k.*"), all);
      assert.deepEqual(await collect(kv.listKeys("k.*")), all);
      assert.deepEqual(await collect(kv.listKeys()), ["j", ...all, "l"]);
    },
  }),

  scenario(
    "L1/byte-order-across-pages",
    "listings of several pages are sorted by byte, whatever a language makes of it",
    {
      async run(env) {
        const kv = await env.bucket();
        const all = beginnings.flatMap((beginning) => numbered(beginning, 120));
        await fill(kv, all);
        const sorted = all.toSorted();
        assert.deepEqual(await kv.keys(), sorted);
        assert.deepEqual(await collect(kv.listKeys()), sorted);
        const entries = await collect(kv.entries());
        assert.deepEqual(
          entries.map(({ key }) => key),
          sorted,
        );
        const oneToken = sorted.filter((key) => !key.includes("."));
        assert.deepEqual(await kv.keys("*"), oneToken);
        assert.deepEqual(await collect(kv.listKeys("*")), oneToken);
        assert.equal(await kv.deleteAll(), all.length, "deleteAll goes through the same pages");
      },
    },
  ),

  scenario("L1/while-writing", "under concurrent writes listKeys doubles no key and misses none that stays", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      await listWhileWriting(
        kv,
        other,
        () => other.listKeys(),
        (key) => key,
      );
    },
  }),

  scenario("L1/keys-while-writing", "under concurrent writes keys doubles no key and misses none that stays", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const staying = numbered("k", 100);
      await fill(kv, staying);
      let writing = true;
      const write = async (): Promise<void> => {
        for (const key of staying)
          await Promise.all([kv.put(key, "again"), kv.put(`${key}-`, "x"), kv.delete(`${key}-`)]);
        writing = false;
      };
      const list = async (): Promise<void> => {
        while (writing) {
          const listed = await kv.keys();
          assert.deepEqual(listed, [...new Set(listed)].sort(), "sorted, and no doubles");
          assert.equal(listed.filter((key) => !key.endsWith("-")).length, staying.length);
        }
      };
      await Promise.all([write(), list()]);
    },
  }),

  scenario("L2/expired", "a key whose value expired is not listed", {
    async run(env) {
      const kv = await env.bucket({ ttl: 300, history: 3 });
      await fill(kv, ["a", "b"]);
      await outlive(env, 300);
      assert.deepEqual(await kv.keys(), []);
      assert.deepEqual(await collect(kv.listKeys("*")), []);
      await env.manager.updateKeyValue({ bucket: kv.bucket, ttl: hour });
      await kv.put("b", "again");
      assert.deepEqual(await kv.keys(), ["b"]);
      assert.deepEqual(await collect(kv.listKeys("*")), ["b"]);
    },
  }),

  scenario("L2/expiry-marker", "a key with an expiry marker is not listed", {
    requires: ({ limitMarkers, perKeyTtl }) => limitMarkers && perKeyTtl,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: 60_000 });
      await kv.put("b", "x");
      await kv.put("a", "x", { ttl: 100 });
      await outlive(env, 100);
      assert.deepEqual(await kv.keys(), ["b"], "before or after its marker was written");
      await eventually("the expiry marker", async () => (await kv.history("a")).length === 1);
      assert.deepEqual((await kv.history("a")).map(brief), ["3 PURGE a expired"]);
      assert.deepEqual(await kv.keys(), ["b"]);
      assert.deepEqual(await collect(kv.listKeys()), ["b"]);
    },
  }),

  scenario("L3/only-the-range", "a filter with a literal prefix gives its range and no neighbour of it", {
    async run(env) {
      const kv = await env.bucket();
      const inside = ["a.b", "a.b.c", "a.c", "a.-", "a.=", "a.z", "a.Z", "a.0"];
      const outside = ["a", "a-", "a/", "a-.b", "a/b", "a=b", "a0", "aa.b", "A.b", "b.a", "_.b", "ab.b"];
      await fill(kv, [...outside, ...inside]);
      await fill(kv, numbered("zone.", 500));
      assert.deepEqual(await kv.keys("a.>"), inside.toSorted());
      assert.deepEqual(await kv.keys("a.*"), inside.filter((key) => key !== "a.b.c").toSorted());
      assert.deepEqual(await kv.keys("a.b.*"), ["a.b.c"]);
      assert.deepEqual(await kv.keys("zone.0499"), ["zone.0499"]);
      assert.deepEqual(
        (await collect(kv.entries("a.b.>"))).map(({ key }) => key),
        ["a.b.c"],
      );
      assert.equal((await kv.keys("zone.*")).length, 500);
    },
  }),

  scenario(
    "L3/range-of-many-pages",
    "a range of several pages is given from its first key to its last and no further",
    {
      async run(env) {
        const kv = await env.bucket();
        const inside = numbered("m.", 1_700);
        const before = ["m", ...numbered("m-", 600)];
        const behind = [...numbered("m/", 600), "m0", "n"];
        await fill(kv, [...behind, ...inside, ...before]);
        await fill(kv, inside, "again");
        const entries = await collect(kv.entries("m.>"));
        assert.deepEqual(
          entries.map(({ key }) => key),
          inside,
        );
        assert.ok(entries.every((entry) => entry.string() === "again"));
        assert.deepEqual(await kv.keys("m.*"), inside);
        assert.deepEqual(await collect(kv.listKeys("m.>")), inside);
        assert.deepEqual(
          (await kv.history("m.>")).map(({ key }) => key),
          inside,
        );
        assert.equal(await kv.purgeAll("m.>"), inside.length);
        assert.deepEqual(await kv.keys(), [...before, ...behind]);
      },
    },
  ),
];
