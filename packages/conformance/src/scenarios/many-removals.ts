import assert from "node:assert/strict";
import { fill, numbered } from "../bucket-state.ts";
import { brief, read, rejects } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Removing many keys in one call: deleteAll and purgeAll. */
export const manyRemovalScenarios: readonly Scenario[] = [
  scenario("O11/delete-all", "deleteAll writes a DEL marker for every live key and resolves to their number", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const watched = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      for (const key of ["a", "b", "gone", "c.d"]) await kv.put(key, key);
      await kv.delete("gone");
      assert.equal(await kv.deleteAll(), 3, "a key that is deleted already gets no second marker");
      assert.deepEqual(await kv.keys(), []);
      assert.equal((await kv.status()).lastRevision, 8);
      const history = (await kv.history(">")).map(brief);
      assert.deepEqual(history.slice(0, 5), [
        "1 PUT a=a",
        "2 PUT b=b",
        "3 PUT gone=gone",
        "4 PUT c.d=c.d",
        "5 DEL gone",
      ]);
      const markers = history.slice(5).map((line) => line.replace(/^\d+ /, ""));
      assert.deepEqual(markers.toSorted(), ["DEL a", "DEL b", "DEL c.d"]);
      const seen = await watched.until("the last marker", ({ revision }) => revision === 8);
      assert.deepEqual(seen.slice(-3).map(brief), history.slice(5), "watchers see the markers");
      assert.equal(await kv.deleteAll(), 0, "nothing is live any more");
      assert.equal((await kv.status()).lastRevision, 8);
      await watched.watcher.stop();
    },
  }),

  scenario("O11/purge-all", "purgeAll writes a PURGE marker for every live key and removes what they had", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const watched = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      for (const n of range(1, 3)) for (const key of ["a", "b"]) await kv.put(key, String(n));
      await kv.put("gone", "7");
      await kv.delete("gone");
      assert.equal(await kv.purgeAll(), 2);
      const history = (await kv.history(">")).map(brief);
      assert.deepEqual(history.slice(0, 2), ["7 PUT gone=7", "8 DEL gone"], "a key that is not live is left alone");
      assert.deepEqual(
        history
          .slice(2)
          .map((line) => line.replace(/^\d+ /, ""))
          .toSorted(),
        ["PURGE a", "PURGE b"],
      );
      const seen = await watched.until("the last marker", ({ revision }) => revision === 10);
      assert.deepEqual(seen.slice(-2).map(brief), history.slice(2));
      assert.equal(await kv.purgeAll(), 0);
      await watched.watcher.stop();
    },
  }),

  scenario("O11/filter", "with a filter only the keys that match are removed", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const keys = ["a", "a.1", "a.2", "a.2.x", "ab", "b.1"];
      await fill(kv, keys);
      assert.equal(await kv.deleteAll("a.*"), 2);
      assert.deepEqual(await kv.keys(), ["a", "a.2.x", "ab", "b.1"]);
      assert.equal(await kv.purgeAll("a.>"), 1);
      assert.deepEqual(await kv.keys(), ["a", "ab", "b.1"]);
      assert.equal(await kv.deleteAll("a"), 1);
      assert.equal(await kv.purgeAll("missing"), 0);
      assert.deepEqual(await kv.keys(), ["ab", "b.1"]);
      await rejects("INVALID_KEY", kv.deleteAll("a*"));
      await rejects("INVALID_KEY", kv.purgeAll(""));
      assert.equal(await kv.purgeAll([]), 2, "an empty list is all keys");
    },
  }),

  scenario("O11/lists", "with a list of filters each matching key is removed once", {
    requires: ({ multipleFilters }) => multipleFilters,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await fill(kv, ["a.1", "a.2", "b", "c"]);
      assert.equal(await kv.deleteAll(["a.*", "a.1", "b"]), 3);
      assert.deepEqual(await kv.keys(), ["c"]);
      assert.deepEqual(
        (await kv.history("a.1")).map(({ operation }) => operation),
        ["PUT", "DEL"],
      );
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await rejects("UNSUPPORTED", kv.deleteAll(["a", "b"]));
      await rejects("UNSUPPORTED", kv.purgeAll(["a", "b"]));
    },
  }),

  scenario("O11/many-keys", "more keys than fit in any page are all removed, each once", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const keys = numbered("k.", 1_300);
      await fill(kv, keys);
      assert.equal(await kv.deleteAll("k.>"), keys.length);
      assert.deepEqual(await kv.keys(), []);
      assert.equal((await kv.status()).lastRevision, 2 * keys.length);
      await fill(kv, keys);
      assert.equal(await kv.purgeAll(), keys.length);
      const status = await kv.status();
      assert.deepEqual([status.values, status.lastRevision], [keys.length, 4 * keys.length]);
    },
  }),

  scenario("O11/racing-writes", "a key that is written meanwhile is removed or not, but never lost by half", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const keys = numbered("k", 300);
      await fill(kv, keys, "first");
      const racing = keys.filter((_, index) => index % 3 === 0);
      const put = async (): Promise<Map<string, number>> => {
        const revisions = new Map<string, number>();
        for (let start = 0; start < racing.length; start += 10) {
          const some = racing.slice(start, start + 10);
          await Promise.all(some.map(async (key) => revisions.set(key, await other.put(key, "second"))));
        }
        return revisions;
      };
      const [removed, puts] = await Promise.all([kv.deleteAll(), put()]);
      let markers = 0;
      const kept = await kv.history(">");
      for (const key of keys) {
        const history = kept.filter((entry) => entry.key === key);
        const deletes = history.filter(({ operation }) => operation === "DEL").length;
        markers += deletes;
        assert.ok(deletes <= 1, `${key} got at most one marker`);
        const written = puts.get(key);
        if (written === undefined) assert.equal(deletes, 1, `${key} was live and left alone by others`);
        else
          assert.ok(
            history.some(({ revision }) => revision === written),
            `the put of ${key} is in its history`,
          );
        const newest = history.at(-1);
        const entry = await kv.get(key);
        if (newest?.operation === "DEL") assert.equal(entry, null, `${key} ends with its marker`);
        else assert.deepEqual([entry?.revision, entry?.string()], [written, "second"], `${key} ends with its put`);
      }
      assert.equal(removed, markers, "the number of keys is that of the markers");
    },
  }),
];
