import assert from "node:assert/strict";
import { isKeyValueError } from "@revkv/api";
import { fill, numbered } from "../bucket-state.ts";
import { brief, read, rejects } from "../expect.ts";
import { expiryMarkers, hour, outlive, readable } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** What a write finds of an expiry that is due: it was carried out before. */
export const dueExpiryScenarios: readonly Scenario[] = [
  scenario("T9/before-a-write", "a due expiry is carried out before a write to its key, marker included", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 5 });
      const watched = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      const writes = [
        [() => kv.put("k", "x"), "PUT k=x"],
        [() => kv.create("k", "x"), "PUT k=x"],
        [() => kv.delete("k"), "DEL k"],
        [() => kv.purge("k"), "PURGE k"],
      ] as const;
      for (const [write, result] of writes) {
        const value = await kv.put("k", "expires", { ttl: 100 });
        await outlive(env, 100);
        assert.equal(await write(), value + 2, "the marker comes first");
        const wanted = [`${value + 1} PURGE k expired`, `${value + 2} ${result}`];
        // A purge takes the expiry marker along, so that a watcher may not have read it before.
        const kept = result === "PURGE k" ? wanted.slice(1) : wanted;
        assert.deepEqual((await kv.history("k")).map(brief), kept);
        const seen = await watched.until("the write", ({ revision }) => revision === value + 2);
        assert.deepEqual(seen.slice(-kept.length).map(brief), kept);
      }
      await watched.watcher.stop();
    },
  }),

  scenario("T9/refused-update", "an update against an expired revision is refused, and the expiry marker stays", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 5 });
      const value = await kv.put("k", "1", { ttl: 100 });
      await outlive(env, 100);
      await rejects("REVISION_MISMATCH", kv.update("k", "x", value), { key: "k", expected: value, actual: value + 1 });
      assert.deepEqual((await kv.history("k")).map(brief), [`${value + 1} PURGE k expired`]);
      assert.equal((await kv.status()).lastRevision, value + 1);
      await rejects("REVISION_MISMATCH", kv.update("k", "x", 0), { key: "k", expected: 0, actual: value + 1 });
      assert.equal(await kv.update("k", "2", value + 1), value + 2, "the marker's revision works");
    },
  }),

  scenario("T9/conditional-removal", "a delete or purge against an expired revision is refused", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 5 });
      for (const removal of ["delete", "purge"] as const) {
        const lastRevision = await kv.put("k", "1", { ttl: 100 });
        await outlive(env, 100);
        await rejects("REVISION_MISMATCH", kv[removal]("k", { lastRevision }), {
          key: "k",
          expected: lastRevision,
          actual: lastRevision + 1,
        });
        assert.deepEqual((await kv.history("k")).map(brief), [`${lastRevision + 1} PURGE k expired`]);
      }
    },
  }),

  scenario("T9/silent", "without a marker an expired key is judged as one without entries", {
    async run(env) {
      const kv = await env.bucket({ ttl: readable, history: 5 });
      const value = await kv.put("k", "1");
      await outlive(env, readable);
      await rejects("REVISION_MISMATCH", kv.update("k", "x", value), { key: "k", expected: value, actual: 0 });
      await rejects("REVISION_MISMATCH", kv.delete("k", { lastRevision: value }), { expected: value, actual: 0 });
      assert.equal((await kv.status()).lastRevision, value, "refused writes and silent expiry take no revision");
      assert.equal(await kv.update("k", "2", 0), value + 1);
      assert.deepEqual((await kv.history("k")).map(brief), ["2 PUT k=2"]);
    },
  }),

  scenario("T9/in-a-transaction", "a transaction sees due expiries as carried out; when it is refused they stay so", {
    requires: (capabilities) => capabilities.transactions && expiryMarkers(capabilities),
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 5 });
      await kv.put("a", "1", { ttl: 100 });
      await outlive(env, 100);
      await rejects(
        "REVISION_MISMATCH",
        kv.transaction([
          { op: "put", key: "b", value: "x" },
          { op: "update", key: "a", value: "x", lastRevision: 1 },
        ]),
        { key: "a", expected: 1, actual: 2 },
      );
      assert.deepEqual((await kv.history(">")).map(brief), ["2 PURGE a expired"]);
      await kv.put("b", "3", { ttl: 100 });
      await outlive(env, 100);
      const results = await kv.transaction([
        { op: "check", key: "b", lastRevision: null },
        { op: "create", key: "b", value: "4" },
        { op: "create", key: "c", value: "5" },
      ]);
      assert.deepEqual(results, [4, 5, 6], "the marker has a revision of its own, before the transaction's");
      assert.deepEqual((await kv.history("b")).map(brief), ["4 PURGE b expired", "5 PUT b=4"]);
    },
  }),

  scenario("T9/racing", "creates that race with an expiry and each other: one marker, then one value", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 8 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const keys = numbered("k", 20);
      await Promise.all(keys.map((key) => kv.put(key, "expires", { ttl: 150 })));
      const watched = read(await other.watch(">", { resumeFromRevision: 1 }));
      await outlive(env, 150);
      const create = async (handle: typeof kv, key: string): Promise<number> => {
        try {
          return await handle.create(key, "created");
        } catch (error) {
          if (!isKeyValueError(error, "KEY_EXISTS")) throw error;
          return 0;
        }
      };
      const wins = await Promise.all(keys.flatMap((key) => [create(kv, key), create(other, key), create(kv, key)]));
      assert.equal(wins.filter((revision) => revision > 0).length, keys.length, "one create per key succeeds");
      await fill(kv, ["last"]);
      assert.equal((await kv.status()).lastRevision, 3 * keys.length + 1);
      const initial = await watched.throughNull();
      const seen = [...initial, ...(await watched.until("the last put", ({ key }) => key === "last"))];
      for (const key of keys) {
        const [marker, value] = seen.filter((entry) => entry.key === key && entry.string() !== "expires");
        assert.deepEqual([marker?.reason, value?.operation], ["expired", "PUT"], `${key}: the marker, then the value`);
      }
      await watched.watcher.stop();
    },
  }),
];
