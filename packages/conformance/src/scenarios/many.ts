import assert from "node:assert/strict";
import { fill, numbered, range } from "../bucket-state.ts";
import { listWhileWriting } from "../churn.ts";
import { brief, collect, read, rejects } from "../expect.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const readingMany: readonly Scenario[] = [
  scenario("O9/one-result-per-key", "getMany gives one result per key, in order, doubles and gaps included", {
    requires: ({ snapshotReads }) => snapshotReads,
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("a", "1");
      await kv.put("b", "2");
      await kv.put("deleted", "3");
      await kv.delete("deleted");
      await kv.put("purged", "5");
      await kv.purge("purged");
      const keys = ["b", "missing", "a", "b", "deleted", "purged", "a"];
      const results = await kv.getMany(keys);
      assert.deepEqual(results.map(brief), [
        "2 PUT b=2",
        "null",
        "1 PUT a=1",
        "2 PUT b=2",
        "null",
        "null",
        "1 PUT a=1",
      ]);
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await rejects("UNSUPPORTED", kv.getMany(["a", "b"]));
    },
  }),

  scenario("O9/empty-list", "getMany of no keys gives no results", {
    requires: ({ snapshotReads }) => snapshotReads,
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      assert.deepEqual(await kv.getMany([]), []);
    },
  }),

  scenario("O9/bad-key", "a bad key among good ones rejects getMany with INVALID_KEY", {
    requires: ({ snapshotReads }) => snapshotReads,
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await rejects("INVALID_KEY", kv.getMany(["a", "b..c"]));
      await rejects("INVALID_KEY", kv.getMany(["a", "*"]));
    },
  }),

  scenario("O9/concurrent-calls", "getMany calls at the same time each get their own results", {
    requires: ({ snapshotReads }) => snapshotReads,
    async run(env) {
      const kv = await env.bucket();
      const keys = numbered("k", 40);
      await Promise.all(keys.map((key) => kv.put(key, `value of ${key}`)));
      await Promise.all(
        range(1, 30).map(async (n) => {
          const wanted = range(0, n).map((step) => keys[(step * 7 + n) % 45] ?? "missing");
          const results = await kv.getMany(wanted);
          assert.deepEqual(
            results.map((entry) => entry?.string()),
            wanted.map((key) => (key === "missing" ? undefined : `value of ${key}`)),
          );
        }),
      );
    },
  }),

  scenario("O9/as-of-one-revision", "all results of a getMany are of one moment", {
    requires: ({ snapshotReads }) => snapshotReads,
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      const keys = numbered("k", 120);
      await fill(kv, keys, "0");
      // One writer goes through the keys, round after round: at any moment the keys that it has passed in this round
      // are one ahead of those that it has not.
      let writing = true;
      const write = async (): Promise<void> => {
        for (const round of range(1, 3)) {
          for (const key of keys) await kv.put(key, String(round));
        }
        writing = false;
      };
      let reads = 0;
      const readAll = async (handle: typeof kv): Promise<void> => {
        while (writing) {
          const results = await handle.getMany([...keys, "k0000"]);
          const rounds = results.map((entry) => Number(entry?.string()));
          const last = rounds.pop();
          const [first = Number.NaN] = rounds;
          assert.equal(last, first, "a key that is asked for twice");
          const shape = rounds.map((round) => first - round);
          assert.deepEqual(shape, shape.toSorted(), "no key is ahead of one that is written before it");
          assert.ok((shape.at(-1) ?? 0) <= 1, "no key is two rounds behind");
          reads += 1;
        }
      };
      await Promise.all([write(), readAll(kv), readAll(other), readAll(other)]);
      assert.ok(reads > 0);
    },
  }),

  scenario("O9/entries", "entries gives the live entries that match, sorted by key", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      for (const key of ["b", "a.2", "B", "a", "a.10", "gone", "a-1", "purged"]) await kv.put(key, `value of ${key}`);
      await kv.delete("gone");
      await kv.purge("purged");
      await kv.put("a", "new");
      const all = await collect(kv.entries());
      assert.deepEqual(
        all.map(({ key }) => key),
        ["B", "a", "a-1", "a.10", "a.2", "b"],
      );
      for (const entry of all) {
        assert.deepEqual(entry.string(), entry.key === "a" ? "new" : `value of ${entry.key}`);
        assert.deepEqual([entry.operation, entry.isUpdate, entry.delta], ["PUT", false, 0]);
      }
      assert.deepEqual(
        (await collect(kv.entries("a.*"))).map(({ key }) => key),
        ["a.10", "a.2"],
      );
      assert.deepEqual(await collect(kv.entries("c.>")), []);
      assert.deepEqual((await collect(kv.entries([]))).length, 6, "an empty list is all keys");
    },
  }),

  scenario("O9/entries-lists", "entries takes a list of filters and gives each entry once", {
    requires: ({ multipleFilters }) => multipleFilters,
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["d", "c", "a.2", "a.1"]) await kv.put(key, key);
      const found = await collect(kv.entries(["d", "a.>", "a.1", "c.>"]));
      assert.deepEqual(
        found.map(({ key }) => key),
        ["a.1", "a.2", "d"],
      );
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await rejects("UNSUPPORTED", collect(kv.entries(["a", "b"])));
    },
  }),

  scenario("O9/entries-while-writing", "a key that lives throughout is given exactly once, with a value of its own", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      const entries = await listWhileWriting(
        kv,
        other,
        () => kv.entries(),
        ({ key }) => key,
      );
      for (const entry of entries) {
        assert.equal(entry.operation, "PUT");
        const kind = entry.key.endsWith("=")
          ? /^added /
          : entry.key.endsWith("-")
            ? /^passing$/
            : /^(at first|overwritten)/;
        assert.match(entry.string(), kind);
      }
    },
  }),

  scenario("O9/entries-abandoned", "breaking out of entries leaves nothing behind that would hold up a write", {
    async run(env) {
      const kv = await env.bucket();
      await fill(kv, numbered("k", 30));
      for (const _ of range(1, 20)) {
        for await (const entry of kv.entries()) {
          assert.equal(entry.key, "k0000");
          break;
        }
      }
      const iterator = kv.entries()[Symbol.asyncIterator]();
      await iterator.next();
      assert.equal(await kv.purgeAll(), 30, "an iteration that was only begun holds no lock");
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 30);
      await iterator.return?.();
    },
  }),
];

const removingMany: readonly Scenario[] = [
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
        for (const key of racing) revisions.set(key, await other.put(key, "second"));
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

/** Many keys in one call: getMany, entries, deleteAll and purgeAll. */
export const manyKeyScenarios: readonly Scenario[] = [...readingMany, ...removingMany];
