import assert from "node:assert/strict";
import type { DeleteOptions, KeyValue, KeyValueEntry, WriteOptions } from "@revkv/api";
import { everyRead, misuse, refuses } from "../bucket-state.ts";
import { brief, collect, read, rejects, throughNull } from "../expect.ts";
import { expiryMarkers, outlive, reaches } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Long enough for a scenario to read something before it expires, in milliseconds. */
const readable = 2_000;
const hour = 3_600_000;

/** How long an entry lives as a whole, in milliseconds; undefined when it does not expire. */
function lifetime(entry: KeyValueEntry | null): number | undefined {
  return entry?.expiresAt && entry.expiresAt.getTime() - entry.created.getTime();
}

/** Asserts that nothing of a key is in any read but perhaps an expiry marker (rules T1, T4). */
async function goneButForAMarker(kv: KeyValue, key: string): Promise<void> {
  assert.equal(await kv.get(key), null);
  const rest = [...(await kv.history(key)), ...(await throughNull(await kv.watch(key, { includeHistory: true })))];
  for (const entry of rest) assert.deepEqual([entry.operation, entry.reason], ["PURGE", "expired"], brief(entry));
}

const deadlines: readonly Scenario[] = [
  scenario("T1/bucket-ttl", "from created + ttl on an entry is in no read, listing, history or initial set", {
    async run(env) {
      const kv = await env.bucket({ ttl: readable, history: 3 });
      await kv.put("k", "1");
      await kv.put("k", "2");
      await kv.delete("deleted");
      for (const [way, entry] of await everyRead(env, kv, "k", 2)) {
        assert.equal(lifetime(entry), readable, `${way} tells when the entry expires`);
      }
      await outlive(env, readable);
      for (const [way, entry] of await everyRead(env, kv, "k", 2)) assert.equal(entry, null, way);
      assert.equal(await kv.getRevision("k", 1), null);
      assert.deepEqual(await kv.keys(), []);
      assert.deepEqual(await collect(kv.listKeys()), []);
      assert.deepEqual(await collect(kv.entries()), []);
      assert.deepEqual(await kv.history(">"), []);
      assert.deepEqual(await throughNull(await kv.watch(">", { includeHistory: true })), []);
      assert.deepEqual(await throughNull(await kv.watch(">")), []);
      const status = await kv.status();
      assert.deepEqual([status.values, status.bytes, status.lastRevision], [0, 0, 3]);
    },
  }),

  scenario("T1/on-time", "an entry is there until its deadline, and gone from it on", {
    requires: (_, storage) => storage.advance !== undefined,
    async run(env) {
      const kv = await env.bucket({ ttl: hour });
      await kv.put("k", "1");
      await env.pass(hour - 1);
      for (const [way, entry] of await everyRead(env, kv, "k", 1)) assert.equal(entry?.string(), "1", way);
      await env.pass(env.capabilities.ttlResolutionMs);
      for (const [way, entry] of await everyRead(env, kv, "k", 1)) assert.equal(entry, null, way);
    },
  }),

  scenario("T1/each-by-its-own-age", "every entry expires by its own age", {
    async run(env) {
      const kv = await env.bucket({ ttl: 1_500, history: 3 });
      await kv.put("k", "1");
      await kv.put("old", "2");
      await env.pass(1_000);
      await kv.put("k", "3");
      await outlive(env, 500);
      assert.deepEqual((await kv.history(">")).map(brief), ["3 PUT k=3"]);
      assert.deepEqual(await kv.keys(), ["k"]);
    },
  }),

  scenario("T1/earlier-deadline", "an entry expires at the earlier of its own deadline and the bucket's", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ ttl: hour, limitMarkerTtl: hour });
      await kv.put("short", "1", { ttl: readable });
      await kv.put("long", "2", { ttl: 2 * hour });
      await kv.put("none", "3");
      assert.equal(lifetime(await kv.get("short")), readable);
      assert.equal(lifetime(await kv.get("long")), hour);
      assert.equal(lifetime(await kv.get("none")), hour);
      await outlive(env, readable);
      assert.deepEqual(await kv.keys(), ["long", "none"]);
    },
  }),

  scenario("T1/markers-age", "delete and purge markers age like values", {
    async run(env) {
      const kv = await env.bucket({ ttl: 500, history: 3 });
      await kv.put("d", "1");
      await kv.delete("d");
      await kv.purge("p");
      await outlive(env, 500);
      assert.deepEqual(await kv.history(">"), []);
      assert.equal((await kv.status()).values, 0);
      assert.equal(await kv.update("d", "4", 0), 4, "the key has no entry any more, not even a marker");
      await rejects("REVISION_MISMATCH", kv.delete("p", { lastRevision: 3 }), { key: "p", expected: 3, actual: 0 });
    },
  }),

  scenario("T1/changed-ttl", "a changed bucket ttl holds for entries that exist", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const other = await env.open();
      const { bucket } = kv;
      await kv.put("k", "1");
      await kv.delete("d");
      assert.equal((await kv.get("k"))?.expiresAt, undefined);
      await other.updateKeyValue({ bucket, ttl: hour });
      assert.equal(lifetime(await kv.get("k")), hour, "a ttl that is turned on");
      await other.updateKeyValue({ bucket, ttl: 2 * hour });
      assert.equal(lifetime(await kv.get("k")), 2 * hour, "a longer ttl");
      await other.updateKeyValue({ bucket, ttl: null });
      assert.equal((await kv.get("k"))?.expiresAt, undefined, "a ttl that is turned off");
      await env.pass(200);
      await kv.put("young", "3");
      await other.updateKeyValue({ bucket, ttl: 200 });
      for (const [way, entry] of await everyRead(env, kv, "k", 1))
        assert.equal(entry, null, `${way}: older than the ttl`);
      assert.deepEqual(await kv.history("d"), [], "a marker that is older than the new ttl");
      await outlive(env, 200);
      assert.deepEqual(await kv.history(">"), []);
    },
  }),

  scenario("T1/turned-off-in-time", "an entry whose bucket ttl is turned off before the deadline stays", {
    async run(env) {
      const kv = await env.bucket({ ttl: readable });
      await kv.put("k", "1");
      await env.manager.updateKeyValue({ bucket: kv.bucket, ttl: null });
      await outlive(env, readable);
      assert.equal((await kv.get("k"))?.string(), "1");
    },
  }),

  scenario("T1/nothing-comes-back", "what has expired stays away when the bucket ttl is raised afterwards", {
    async run(env) {
      const kv = await env.bucket({ ttl: 300, history: 2 });
      await kv.put("k", "1");
      await kv.delete("d");
      await outlive(env, 300);
      await env.manager.updateKeyValue({ bucket: kv.bucket, ttl: null });
      assert.equal(await kv.get("k"), null);
      assert.deepEqual(await kv.history(">"), []);
      assert.equal(await kv.create("k", "3"), 3);
    },
  }),

  scenario("T1/superseded", "a superseded entry's own deadline still holds in history", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 5 });
      const watched = read(await kv.watch("k", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      await kv.put("k", "1", { ttl: readable });
      await kv.put("k", "2");
      assert.deepEqual((await kv.history("k")).map(brief), ["1 PUT k=1", "2 PUT k=2"]);
      await outlive(env, readable);
      for (const [way, entry] of await everyRead(env, kv, "k", 1)) assert.equal(entry, null, way);
      assert.deepEqual((await kv.history("k")).map(brief), ["2 PUT k=2"]);
      assert.equal((await kv.status()).values, 1);
      assert.equal(await kv.put("k", "3"), 3, "a superseded entry leaves no marker");
      const seen = await watched.until("the last put", ({ revision }) => revision === 3);
      assert.ok(seen.every(({ operation }) => operation === "PUT"));
      await watched.watcher.stop();
    },
  }),
];

const singleEntries: readonly Scenario[] = [
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
      const kv = await env.bucket();
      const ttl = hour;
      await refuses("UNSUPPORTED", kv, () => kv.put("k", "x", { ttl }));
      await refuses("UNSUPPORTED", kv, () => kv.update("k", "x", 0, { ttl }));
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
      assert.equal(lifetime(marker ?? null), readable);
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
    async runWithout(env) {
      if (env.capabilities.limitMarkers) return;
      await rejects("UNSUPPORTED", env.bucket({ limitMarkerTtl: hour }));
      const kv = await env.bucket();
      await refuses("UNSUPPORTED", kv, () => kv.create("k", "x", { ttl: hour }));
      await refuses("UNSUPPORTED", kv, () => kv.purge("k", { ttl: hour }));
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

/** When entries expire, and how long a single one may live. */
export const ttlScenarios: readonly Scenario[] = [...deadlines, ...singleEntries];
