import assert from "node:assert/strict";
import { fill, numbered } from "../bucket-state.ts";
import { listWhileWriting } from "../churn.ts";
import { brief, collect, rejects } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Reading many keys in one call: getMany and entries. */
export const manyReadScenarios: readonly Scenario[] = [
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
      const keys = numbered("k", 40);
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
