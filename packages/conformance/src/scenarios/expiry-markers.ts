import assert from "node:assert/strict";
import type { KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { fill, numbered, range } from "../bucket-state.ts";
import { brief, read, rejects, throughNull } from "../expect.ts";
import { expiryMarkers, outlive, reaches } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Long enough for a scenario to read something before it expires, in milliseconds. */
const readable = 2_000;
const hour = 3_600_000;
/** How late the marker of an expired value may be, in milliseconds (rule T2). */
const punctual = 1_000;

const markersOfExpiry: readonly Scenario[] = [
  scenario("T2/silent", "without limitMarkerTtl expiry tells watchers nothing and takes no revision", {
    async run(env) {
      const kv = await env.bucket({ ttl: 300, history: 3 });
      await kv.put("k", "1");
      await kv.put("k", "2");
      await kv.delete("d");
      const watched = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      await outlive(env, 300);
      // Whoever carries the expiry out has done so by the second write at the latest.
      assert.equal(await kv.put("k", "4"), 4);
      await outlive(env, 300);
      assert.equal(await kv.put("other", "5"), 5);
      const seen = await watched.until("the last put", ({ revision }) => revision === 5);
      assert.ok(
        seen.every(({ operation }) => operation === "PUT"),
        seen.map(brief).join(", "),
      );
      await watched.watcher.stop();
    },
  }),

  scenario("T2/marker", "a value that expires leaves a PURGE marker with a revision of its own, within a second", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 3 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const watchers = [read(await kv.watch("k")), read(await other.watch(">", { updatesOnly: true }))];
      for (const watched of watchers) assert.equal(await watched.next(), null);
      await kv.put("k", "1");
      const revision = await kv.put("k", "2", { ttl: readable });
      const deadline = (await kv.history("k")).at(-1)?.expiresAt;
      assert.ok(deadline !== undefined);
      await outlive(env, readable);
      for (const watched of watchers) {
        const seen = await watched.until("the expiry marker", ({ reason }) => reason === "expired");
        const marker = seen.at(-1) as KeyValueEntry;
        assert.equal(brief(marker), `${revision + 1} PURGE k expired`);
        assert.deepEqual([marker.value.length, marker.length, marker.isUpdate], [0, 0, true]);
        const late = marker.created.getTime() - deadline.getTime();
        assert.ok(late >= 0 && late <= punctual, `the marker came ${late} ms after the deadline`);
        assert.equal((marker.expiresAt?.getTime() ?? 0) - marker.created.getTime(), hour);
        await watched.watcher.stop();
      }
      assert.deepEqual((await kv.history("k")).map(brief), ["3 PURGE k expired"]);
      assert.deepEqual((await throughNull(await kv.watch(">"))).map(brief), ["3 PURGE k expired"]);
    },
    async runWithout(env) {
      if (env.capabilities.limitMarkers) return;
      await rejects("UNSUPPORTED", env.bucket({ limitMarkerTtl: hour }));
    },
  }),

  scenario("T2/bucket-ttl", "a value that the bucket's ttl ends leaves a marker too, which the ttl ends in its turn", {
    requires: ({ limitMarkers }) => limitMarkers,
    async run(env) {
      const ttl = 1_500;
      const kv = await env.bucket({ ttl, limitMarkerTtl: hour });
      const watched = read(await kv.watch("k"));
      assert.equal(await watched.next(), null);
      await kv.put("k", "1");
      await outlive(env, ttl);
      const seen = await watched.until("the expiry marker", ({ reason }) => reason === "expired");
      const marker = seen.at(-1) as KeyValueEntry;
      assert.equal(brief(marker), "2 PURGE k expired");
      assert.equal((marker.expiresAt?.getTime() ?? 0) - marker.created.getTime(), ttl, "markers age too");
      await outlive(env, ttl);
      assert.deepEqual(await kv.history("k"), []);
      assert.equal(await kv.put("k", "3"), 3);
      assert.equal(brief(await watched.entry()), "3 PUT k=3", "nothing is left by a marker that lapses");
      await watched.watcher.stop();
    },
  }),

  scenario("T2/only-newest-values", "keys that are deleted, purged or written again leave no expiry marker", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 4 });
      const watched = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      const ttl = readable;
      await kv.put("deleted", "1", { ttl });
      await kv.delete("deleted");
      await kv.put("purged", "3", { ttl });
      await kv.purge("purged", { ttl });
      await kv.put("again", "5", { ttl });
      await kv.put("again", "6");
      await kv.put("k", "7", { ttl });
      await watched.until("the last put", ({ revision }) => revision === 7);
      await outlive(env, ttl);
      const seen = await watched.until("an expiry marker", ({ reason }) => reason === "expired");
      assert.equal(seen.map(brief).at(-1), "8 PURGE k expired", "the one that leaves a marker");
      assert.deepEqual((await kv.history(">")).map(brief), ["2 DEL deleted", "6 PUT again=6", "8 PURGE k expired"]);
      assert.equal(await kv.put("last", "9"), 9);
      assert.equal(brief(await watched.entry()), "9 PUT last=9");
      await watched.watcher.stop();
    },
  }),

  scenario("T2/marker-lapses", "an expiry marker lapses silently after limitMarkerTtl", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: readable, history: 3 });
      const watched = read(await kv.watch(">"));
      assert.equal(await watched.next(), null);
      await kv.put("k", "1", { ttl: 100 });
      await outlive(env, 100);
      await watched.until("the expiry marker", ({ reason }) => reason === "expired");
      await outlive(env, readable);
      assert.deepEqual(await kv.history("k"), []);
      assert.deepEqual(await throughNull(await kv.watch("k")), []);
      assert.equal((await kv.status()).values, 0);
      assert.equal(await kv.update("k", "3", 0), 3, "the key has no entry any more");
      assert.equal(brief(await watched.entry()), "3 PUT k=3");
      await watched.watcher.stop();
    },
  }),

  scenario("W13/status-expired-marker", "status tells the highest marker that its own expiry removed", {
    requires: (capabilities) => capabilities.compactionDetection && expiryMarkers(capabilities),
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: readable });
      await kv.put("other", "1");
      await kv.purge("p", { ttl: 500 });
      await kv.put("k", "3", { ttl: 500 });
      await outlive(env, 500);
      await reaches(kv, 4);
      assert.equal((await kv.status()).compactedTo, 2, "a purge marker lapsed; the expiry of a value does not count");
      await outlive(env, readable);
      assert.equal((await kv.status()).compactedTo, 4, "the expiry marker lapsed");
    },
  }),

  scenario("W13/status-aged-marker", "a delete marker that the bucket's ttl ends counts as compacted", {
    requires: ({ compactionDetection }) => compactionDetection,
    async run(env) {
      const kv = await env.bucket({ ttl: 300 });
      await kv.put("k", "1");
      await kv.delete("d");
      await kv.put("k", "3");
      await outlive(env, 300);
      assert.equal((await kv.status()).compactedTo, 2);
    },
  }),

  scenario("T5/silent", "create succeeds over a value that expired without a marker", {
    async run(env) {
      const kv = await env.bucket({ ttl: readable, history: 3 });
      await kv.create("k", "1");
      await outlive(env, readable);
      assert.equal(await kv.create("k", "2"), 2);
      assert.deepEqual((await kv.history("k")).map(brief), ["2 PUT k=2"]);
    },
  }),

  scenario("T5/marker", "create succeeds over an expiry marker", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 3 });
      await kv.create("k", "1", { ttl: readable });
      await rejects("KEY_EXISTS", kv.create("k", "x"), { key: "k", revision: 1 });
      await outlive(env, readable);
      await reaches(kv, 2);
      assert.equal(await kv.create("k", "3"), 3);
      assert.deepEqual((await kv.history("k")).map(brief), ["2 PURGE k expired", "3 PUT k=3"]);
    },
  }),

  scenario("T7/one-marker", "with several managers on one bucket each expiry writes exactly one marker", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 8 });
      const others = await Promise.all(range(1, 3).map(async () => (await env.open()).keyValue(kv.bucket)));
      const watched = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      const keys = numbered("k", 40);
      let last = 0;
      for (const round of range(1, 3)) {
        const handles = [kv, ...others];
        await Promise.all(keys.map((key, index) => (handles[index % 4] ?? kv).put(key, String(round), { ttl: 150 })));
        await outlive(env, 150);
        last += 2 * keys.length;
        await reaches(kv, last);
        const seen = await watched.until("the last marker", ({ revision }) => revision === last);
        const expired = seen.filter(({ reason }) => reason === "expired").map(({ key }) => key);
        assert.deepEqual(expired.toSorted(), keys, "one marker per key");
      }
      assert.equal(
        await kv.put("last", "x"),
        last + 1,
        "no revision beyond one value and one marker per round and key",
      );
      assert.equal((await watched.entry()).key, "last");
      await watched.watcher.stop();
    },
  }),
];

const dueFirst: readonly Scenario[] = [
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

/** What expiry leaves behind, and what writes find of it. */
export const expiryMarkerScenarios: readonly Scenario[] = [...markersOfExpiry, ...dueFirst];
