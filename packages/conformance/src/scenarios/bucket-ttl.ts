import assert from "node:assert/strict";
import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { everyRead } from "../bucket-state.ts";
import { brief, collect, read, rejects, throughNull } from "../expect.ts";
import { expiryMarkers, hour, lifetime, outlive, readable } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** When entries expire, and what is left of them then. */
export const bucketTtlScenarios: readonly Scenario[] = [
  scenario("T1/bucket-ttl", "from created + ttl on an entry is in no read, listing, history or initial set", {
    async run(env) {
      const lasting = await env.bucket({ ttl: hour });
      await lasting.put("k", "1");
      for (const [way, entry] of await everyRead(env, lasting, "k", 1)) {
        assert.equal(lifetime(entry), hour, `${way} tells when the entry expires`);
      }
      const kv = await env.bucket({ ttl: 300, history: 3 });
      await kv.put("k", "1");
      await kv.put("k", "2");
      await kv.delete("deleted");
      await outlive(env, 300);
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

  scenario("T1/whoever-looks-first", "an entry is gone for whatever is asked first after its deadline", {
    async run(env) {
      const { snapshotReads, transactions } = env.capabilities;
      const looks: readonly (readonly [what: string, look: (kv: KeyValue) => Promise<unknown>, answer: unknown])[] = [
        ["get", (kv) => kv.get("k"), null],
        ["getRevision", (kv) => kv.getRevision("k", 2), null],
        ["getRevision of an older one", (kv) => kv.getRevision("k", 1), null],
        ["keys", (kv) => kv.keys(), []],
        ["listKeys", (kv) => collect(kv.listKeys("*")), []],
        ["entries", (kv) => collect(kv.entries()), []],
        ["history", (kv) => kv.history(">"), []],
        ["watch", async (kv) => throughNull(await kv.watch("k")), []],
        ["watch with includeHistory", async (kv) => throughNull(await kv.watch(">", { includeHistory: true })), []],
        ["status", async (kv) => (await kv.status()).values, 0],
        ["create", (kv) => kv.create("k", "x"), 4],
        ["update", (kv) => kv.update("d", "x", 0), 4],
        ["deleteAll", (kv) => kv.deleteAll(), 0],
        ["purgeDeletes", (kv) => kv.purgeDeletes({ olderThan: 0 }), 0],
        ...(snapshotReads ? ([["getMany", (kv: KeyValue) => kv.getMany(["k"]), [null]]] as const) : []),
        ...(transactions
          ? ([
              ["check", (kv: KeyValue) => kv.transaction([{ op: "check", key: "k", lastRevision: null }]), [0]],
            ] as const)
          : []),
      ];
      const buckets = await Promise.all(looks.map(() => env.bucket({ ttl: 300, history: 3 })));
      for (const kv of buckets) {
        await kv.put("k", "1");
        await kv.put("k", "2");
        await kv.delete("d");
      }
      await outlive(env, 300);
      for (const [index, [what, look, answer]] of looks.entries()) {
        assert.deepEqual(await look(buckets[index] as KeyValue), answer, what);
      }
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
      const ttl = 3_000;
      const kv = await env.bucket({ ttl: hour, history: 3 });
      await kv.put("k", "1");
      await kv.put("old", "2");
      await outlive(env, ttl);
      await kv.put("k", "3");
      await env.manager.updateKeyValue({ bucket: kv.bucket, ttl });
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

  scenario("T1/farthest-deadline", "an entry with the longest ttl there is lives, and tells a real date", {
    async run(env) {
      const ttl = Number.MAX_SAFE_INTEGER;
      const kv = await env.bucket({ ttl, ...(expiryMarkers(env.capabilities) ? { limitMarkerTtl: hour } : {}) });
      await kv.put("bucket", "1");
      if (expiryMarkers(env.capabilities)) await kv.put("own", "2", { ttl });
      await env.pass(1);
      for (const key of await kv.keys()) {
        for (const [way, entry] of await everyRead(env, kv, key, key === "own" ? 2 : 1)) {
          assert.ok(entry?.expiresAt instanceof Date, `${way} of ${key} gives a date`);
          assert.ok((lifetime(entry) ?? 0) > hour, `${way} of ${key} gives a date that is far off`);
        }
      }
      assert.equal((await kv.keys()).length, (await kv.status()).lastRevision, "all of them live");
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
      await env.pass(env.capabilities.ttlResolutionMs);
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

  scenario("T6/managers-agree", "all managers of a storage go by one clock, in what they write and in what they read", {
    async run(env) {
      const managers = [env.manager, await env.open(), await env.open()];
      const { bucket } = await env.bucket({ ttl: hour });
      const handles = await Promise.all(managers.map((manager) => manager.keyValue(bucket)));
      const start = performance.now();
      for (const [index, handle] of handles.entries()) await handle.put(`k${index}`, "x");
      const elapsed = performance.now() - start;
      const [first, ...rest] = await Promise.all(handles.map((handle) => handle.history(">")));
      const times = (entries: readonly KeyValueEntry[] | undefined): unknown =>
        entries?.map(({ key, created, expiresAt }) => [key, created, expiresAt]);
      assert.equal(first?.length, 3, "nothing has expired for the first manager");
      for (const entries of rest) assert.deepEqual(times(entries), times(first), "the same times for every reader");
      const created = (first ?? []).map((entry) => entry.created.getTime());
      const spread = Math.max(...created) - Math.min(...created);
      // Whole milliseconds may differ by one more than has passed.
      assert.ok(spread <= elapsed + 1, `written within ${elapsed} ms, but ${spread} ms apart by the storage's clock`);
      const shortLived = await env.bucket({ ttl: 300 });
      const doomed = await Promise.all(managers.map((manager) => manager.keyValue(shortLived.bucket)));
      for (const [index, handle] of doomed.entries()) await handle.put(`k${index}`, "x");
      await outlive(env, 300);
      for (const handle of doomed) assert.deepEqual(await handle.keys(), [], "expired for every manager");
    },
  }),
];
