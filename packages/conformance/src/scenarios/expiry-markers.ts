import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { KeyValueEntry } from "@revkv/api";
import { numbered } from "../bucket-state.ts";
import { brief, read, rejects, throughNull } from "../expect.ts";
import { expiryMarkers, hour, lifetime, outlive, reaches, readable } from "../expiry.ts";
import { range } from "../load.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** How late the marker of an expired value may be, in milliseconds (rules T1, T2). */
function punctual({ capabilities }: ScenarioEnv): number {
  return 1_000 + capabilities.ttlResolutionMs;
}

/** What expiry leaves behind, and what watchers learn of it. */
export const expiryMarkerScenarios: readonly Scenario[] = [
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
      // So that it is there for as long as the watcher takes to read it.
      await env.manager.updateKeyValue({ bucket: kv.bucket, ttl: null });
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
    exclusive: true,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour, history: 3 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const watchers = [read(await kv.watch("k")), read(await other.watch(">", { updatesOnly: true }))];
      for (const watched of watchers) assert.equal(await watched.next(), null);
      await kv.put("k", "1");
      const revision = await kv.put("k", "2", { ttl: readable });
      const deadline = (await kv.history("k")).at(-1)?.expiresAt;
      assert.ok(deadline !== undefined);
      // The watchers have read all there is and wait already when the value expires, and nobody reads.
      for (const watched of watchers) await watched.until("the value", (entry) => entry.revision === revision);
      const waiting = watchers.map((watched) =>
        watched.until("the expiry marker", ({ reason }) => reason === "expired"),
      );
      // Where the clock is moved it is moved at once: a watcher that is not at rest yet would look by itself.
      await setImmediate();
      const [delivered] = await Promise.all([Promise.all(waiting), outlive(env, readable)]);
      for (const seen of delivered) {
        const marker = seen.at(-1) as KeyValueEntry;
        assert.equal(brief(marker), `${revision + 1} PURGE k expired`);
        assert.deepEqual([marker.value.length, marker.length, marker.isUpdate], [0, 0, true]);
        const late = marker.created.getTime() - deadline.getTime();
        assert.ok(late >= 0 && late <= punctual(env), `the marker came ${late} ms after the deadline`);
        assert.equal(lifetime(marker), hour);
      }
      await Promise.all(watchers.map(({ watcher }) => watcher.stop()));
      assert.deepEqual((await kv.history("k")).map(brief), ["3 PURGE k expired"]);
      assert.deepEqual((await throughNull(await kv.watch(">"))).map(brief), ["3 PURGE k expired"]);
    },
    async runWithout(env) {
      const created = env.bucket({ limitMarkerTtl: hour });
      if (env.capabilities.limitMarkers) await created;
      else await rejects("UNSUPPORTED", created);
    },
  }),

  scenario("T2/writer-gone", "the marker comes in time also when whoever wrote the value has closed its manager", {
    requires: expiryMarkers,
    exclusive: true,
    async run(env) {
      const bucket = env.bucketName();
      const writer = await env.open();
      const written = await writer.createKeyValue({ bucket, limitMarkerTtl: hour });
      await written.put("k", "1", { ttl: readable });
      const deadline = (await written.get("k"))?.expiresAt?.getTime() ?? 0;
      await writer.close();
      // Nobody looks before the time for the marker is over.
      await env.pass(readable + punctual(env));
      const kv = await env.manager.keyValue(bucket);
      const [marker] = await kv.history("k");
      assert.equal(brief(marker), "2 PURGE k expired");
      const late = (marker?.created.getTime() ?? 0) - deadline;
      assert.ok(late >= 0 && late <= punctual(env), `the marker came ${late} ms after the deadline`);
    },
  }),

  scenario(
    "T2/writer-gone-while-watched",
    "who does nothing but watch gets the marker of a value whose writer has closed its manager",
    {
      requires: expiryMarkers,
      async run(env) {
        const kv = await env.bucket({ limitMarkerTtl: hour });
        const watched = read(await kv.watch("k"));
        assert.equal(await watched.next(), null);
        const writer = await env.open();
        await (await writer.keyValue(kv.bucket)).put("k", "1", { ttl: readable });
        await writer.close();
        assert.equal(brief(await watched.next()), "1 PUT k=1");
        const marker = watched.next();
        // Where a read takes no turn, the watcher waits by now to be woken.
        await setImmediate();
        await env.pass(readable + punctual(env));
        assert.equal(brief(await marker), "2 PURGE k expired");
        await watched.watcher.stop();
      },
    },
  ),

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
      assert.equal(lifetime(marker), ttl, "markers age too");
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
