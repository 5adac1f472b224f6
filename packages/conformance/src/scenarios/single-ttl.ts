import assert from "node:assert/strict";
import type { DeleteOptions, KeyValue, WriteOptions } from "@revkv/api";
import { everyRead, misuse, refuses } from "../bucket-state.ts";
import { brief, throughNull } from "../expect.ts";
import { expiryMarkers, hour, lifetime, outlive, reaches, readable } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Asserts that nothing of a key is in any read but perhaps an expiry marker (rules T1, T4). */
async function goneButForAMarker(kv: KeyValue, key: string): Promise<void> {
  assert.equal(await kv.get(key), null);
  const rest = [...(await kv.history(key)), ...(await throughNull(await kv.watch(key, { includeHistory: true })))];
  for (const entry of rest) assert.deepEqual([entry.operation, entry.reason], ["PURGE", "expired"], brief(entry));
}

/** A ttl for a single write, and what becomes of the key that it ends. */
export const singleTtlScenarios: readonly Scenario[] = [
  scenario("T3/each-write", "put, create and update with a ttl expire, and what they do not name stays", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour });
      await kv.put("put", "1", { ttl: readable });
      await kv.create("create", "2", { ttl: readable });
      await kv.put("update", "3");
      await kv.update("update", "4", 3, { ttl: readable });
      await kv.put("permanent", "5");
      for (const key of ["put", "create", "update"]) assert.equal(lifetime(await kv.get(key)), readable, key);
      assert.equal((await kv.get("permanent"))?.expiresAt, undefined);
      await outlive(env, readable);
      assert.deepEqual(await kv.keys(), ["permanent"]);
      for (const key of ["put", "create", "update"]) assert.equal(await kv.get(key), null, key);
    },
    async runWithout(env) {
      const { limitMarkers } = env.capabilities;
      const kv = await env.bucket(limitMarkers ? { limitMarkerTtl: hour } : {});
      const ttl = hour;
      await refuses("UNSUPPORTED", kv, () => kv.put("k", "x", { ttl }));
      await refuses("UNSUPPORTED", kv, () => kv.update("k", "x", 0, { ttl }));
      // A store that has markers of its own may take a ttl where such a marker can stand: NATS does.
      if (limitMarkers) return;
      await refuses("UNSUPPORTED", kv, () => kv.create("k", "x", { ttl }));
      await refuses("UNSUPPORTED", kv, () => kv.purge("k", { ttl }));
    },
  }),

  scenario("T3/purge", "the marker of a purge with a ttl lapses", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour });
      await kv.put("k", "1");
      assert.equal(await kv.purge("k", { ttl: readable }), 2);
      const [marker] = await kv.history("k");
      assert.deepEqual([marker && brief(marker), marker?.reason], ["2 PURGE k", undefined], "nobody's expiry");
      assert.equal(lifetime(marker), readable);
      await outlive(env, readable);
      assert.deepEqual(await kv.history("k"), []);
      assert.equal(await kv.update("k", "3", 0), 3, "no marker of the marker");
    },
  }),

  scenario("T3/in-a-transaction", "the operations of a transaction take a ttl as single writes do", {
    requires: (capabilities) => capabilities.transactions && expiryMarkers(capabilities),
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 3 });
      await kv.transaction([
        { op: "put", key: "put", value: "1", ttl: readable },
        { op: "create", key: "create", value: "2", ttl: readable },
        { op: "update", key: "update", value: "3", lastRevision: 0, ttl: readable },
        { op: "purge", key: "purge", ttl: readable },
        { op: "put", key: "permanent", value: "5" },
      ]);
      const lifetimes = (await kv.history(">")).map((entry) => [entry.key, lifetime(entry)]);
      assert.deepEqual(Object.fromEntries(lifetimes), {
        put: readable,
        create: readable,
        update: readable,
        purge: readable,
        permanent: undefined,
      });
      await outlive(env, readable);
      assert.deepEqual(await kv.keys(), ["permanent"]);
      assert.deepEqual(await kv.history("purge"), []);
    },
  }),

  scenario("T3/needs-limit-marker-ttl", "without limitMarkerTtl a ttl is INVALID_ARGUMENT, and nothing is written", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ ttl: hour });
      await kv.put("k", "1");
      const ttl = hour;
      await refuses("INVALID_ARGUMENT", kv, () => kv.put("k", "x", { ttl }));
      await refuses("INVALID_ARGUMENT", kv, () => kv.create("new", "x", { ttl }));
      await refuses("INVALID_ARGUMENT", kv, () => kv.update("k", "x", 1, { ttl }));
      await refuses("INVALID_ARGUMENT", kv, () => kv.purge("k", { ttl }));
      if (!env.capabilities.transactions) return;
      await refuses("INVALID_ARGUMENT", kv, () =>
        kv.transaction([
          { op: "put", key: "a", value: "x" },
          { op: "put", key: "k", value: "x", ttl },
        ]),
      );
    },
  }),

  scenario("T3/turned-on-later", "a ttl is accepted as soon as anybody has turned limitMarkerTtl on", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket();
      await refuses("INVALID_ARGUMENT", kv, () => kv.put("k", "x", { ttl: hour }));
      const other = await env.open();
      await other.updateKeyValue({ bucket: kv.bucket, limitMarkerTtl: 1_000 });
      assert.equal(await kv.put("k", "1", { ttl: hour }), 1);
      assert.equal(lifetime(await kv.get("k")), hour);
    },
  }),

  scenario("T3/no-duration", "a ttl that is no whole number of at least 1 is INVALID_ARGUMENT", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour });
      await kv.put("k", "1");
      for (const ttl of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", null]) {
        const options = misuse<WriteOptions>({ ttl });
        await refuses("INVALID_ARGUMENT", kv, () => kv.put("k", "x", options));
        await refuses("INVALID_ARGUMENT", kv, () => kv.create("new", "x", options));
        await refuses("INVALID_ARGUMENT", kv, () => kv.update("k", "x", 1, options));
        await refuses("INVALID_ARGUMENT", kv, () => kv.purge("k", options));
      }
      assert.equal(await kv.put("k", "2", { ttl: undefined }), 2, "undefined is as if it were left out");
      assert.equal(await kv.put("k", "3", { ttl: 1 }), 3, "one millisecond will do");
      await outlive(env, 1);
      assert.equal(await kv.get("k"), null);
    },
  }),

  scenario("T4/whole-key", "when the newest entry expires no older one comes back", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 5 });
      await kv.put("k", "1");
      await kv.put("other", "2");
      await kv.put("k", "3");
      await kv.put("k", "4", { ttl: 200 });
      await outlive(env, 200);
      for (const revision of [1, 3, 4]) {
        for (const [way, entry] of await everyRead(env, kv, "k", revision))
          assert.equal(entry, null, `${way} of ${revision}`);
      }
      await goneButForAMarker(kv, "k");
      await reaches(kv, 5);
      await goneButForAMarker(kv, "k");
      assert.deepEqual((await kv.history(">")).map(brief), ["2 PUT other=2", "5 PURGE k expired"]);
      assert.equal((await kv.status()).values, 2);
    },
  }),

  scenario("T4/behind-a-marker", "an older value does not come back when the marker over it lapses", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, ttl: hour, history: 5 });
      await kv.put("k", "1");
      await kv.purge("k", { ttl: readable });
      await kv.put("j", "3");
      await kv.put("j", "4", { ttl: readable });
      await kv.delete("j");
      await outlive(env, readable);
      assert.equal(await kv.get("k"), null);
      assert.deepEqual(await kv.history("k"), []);
      assert.deepEqual((await kv.history("j")).map(brief), ["3 PUT j=3", "5 DEL j"]);
      assert.equal(await kv.get("j"), null);
    },
  }),

  scenario("T4/permanent-again", "a later put or update without a ttl makes the key permanent", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour });
      await kv.put("put", "1", { ttl: readable });
      await kv.put("put", "2");
      const last = await kv.put("update", "3", { ttl: readable });
      await kv.update("update", "4", last);
      await outlive(env, readable);
      const entries = [await kv.get("put"), await kv.get("update")];
      assert.deepEqual(entries.map(brief), ["2 PUT put=2", "4 PUT update=4"]);
      for (const entry of entries) assert.equal(entry?.expiresAt, undefined);
      assert.equal((await kv.status()).lastRevision, 4, "nothing expired");
    },
  }),

  scenario("T8/delete", "a ttl on delete is INVALID_ARGUMENT, and nothing is written", {
    async run(env) {
      const kv = await env.bucket(env.capabilities.limitMarkers ? { limitMarkerTtl: hour } : {});
      await kv.put("k", "1");
      await refuses("INVALID_ARGUMENT", kv, () => kv.delete("k", misuse<DeleteOptions>({ ttl: hour })));
      await refuses("INVALID_ARGUMENT", kv, () =>
        kv.delete("k", misuse<DeleteOptions>({ ttl: hour, lastRevision: 1 })),
      );
      if (!env.capabilities.transactions) return;
      await refuses("INVALID_ARGUMENT", kv, () => kv.transaction([misuse({ op: "delete", key: "k", ttl: hour })]));
    },
  }),

  scenario("H3/expired", "an expired key without a marker has no history", {
    async run(env) {
      const kv = await env.bucket({ ttl: 200, history: 5 });
      await kv.put("k", "1");
      await kv.put("k", "2");
      await outlive(env, 200);
      assert.deepEqual(await kv.history("k"), []);
    },
  }),

  scenario("O2/expired", "get and getRevision give null for what has expired, and for an expiry marker", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 5 });
      await kv.put("k", "1", { ttl: 100 });
      await outlive(env, 100);
      assert.deepEqual([await kv.get("k"), await kv.getRevision("k", 1)], [null, null]);
      await reaches(kv, 2);
      assert.deepEqual([await kv.get("k"), await kv.getRevision("k", 2)], [null, null]);
    },
  }),
];
