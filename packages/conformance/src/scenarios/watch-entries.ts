import assert from "node:assert/strict";
import { getTogether } from "../bucket-state.ts";
import { brief, bytes, collect, read, take, throughNull } from "../expect.ts";
import { expiryMarkers, hour, outlive } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Which entries a watcher gives, and what they tell: W3, W4, W6. */
export const watchEntryScenarios: readonly Scenario[] = [
  scenario("W3/delete-hidden", "ignoreDeletes hides DEL markers, in the initial set and live", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.put("b", "1");
      await kv.delete("a");
      const reader = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.deepEqual((await reader.throughNull()).map(brief), ["2 PUT b=1"]);
      await kv.delete("b");
      await kv.put("a", "2");
      assert.equal(brief(await reader.next()), "5 PUT a=2");
      await reader.watcher.stop();
    },
  }),

  scenario("W3/purge-hidden", "ignoreDeletes hides PURGE markers, in the initial set and live", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.put("b", "1");
      await kv.purge("a");
      const reader = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.deepEqual((await reader.throughNull()).map(brief), ["2 PUT b=1"]);
      await kv.purge("b");
      await kv.put("a", "2");
      assert.equal(brief(await reader.next()), "5 PUT a=2");
      await reader.watcher.stop();
    },
  }),

  scenario("W3/null-still-comes", "with nothing but hidden markers null comes all the same", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.purge("b");
      const reader = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.equal(await reader.next(), null);
      await kv.put("b", "1");
      assert.equal(brief(await reader.next()), "4 PUT b=1");
      await reader.watcher.stop();
    },
  }),

  scenario("W3/history-values", "with includeHistory the values before a hidden marker are given", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("a", "2");
      await kv.delete("a");
      const watcher = await kv.watch(">", { ignoreDeletes: true, includeHistory: true });
      assert.deepEqual((await throughNull(watcher)).map(brief), ["1 PUT a=1", "3 PUT a=2"]);
    },
  }),

  scenario("W3/expiry-marker-hidden", "ignoreDeletes hides the markers of expired values, too", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour });
      const seeing = read(await kv.watch(">"));
      const hiding = read(await kv.watch(">", { ignoreDeletes: true }));
      assert.equal(await seeing.next(), null);
      assert.equal(await hiding.next(), null);
      await kv.create("a", "1", { ttl: 500 });
      await outlive(env, 500);
      const seen = await seeing.until("the expiry marker", ({ reason }) => reason === "expired");
      assert.equal(seen.map(brief).at(-1), "2 PURGE a expired");
      assert.deepEqual(await throughNull(await kv.watch(">", { ignoreDeletes: true })), []);
      await kv.put("b", "1");
      // The value itself may have expired before it was read.
      const shown = await hiding.until("the put after it", ({ revision }) => revision === 3);
      assert.deepEqual(
        shown.map(brief).filter((entry) => entry !== "1 PUT a=1"),
        ["3 PUT b=1"],
      );
      await seeing.watcher.stop();
      await hiding.watcher.stop();
    },
  }),

  scenario("W4/meta-only", "metaOnly leaves the value out and keeps its length, in the initial set and live", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "five!");
      await kv.put("empty", "");
      await kv.delete("gone");
      const reader = read(await kv.watch(">", { metaOnly: true }));
      const initial = await reader.throughNull();
      await kv.put("a", bytes("longer"));
      const entries = [...initial, await reader.entry()];
      await kv.purge("a");
      entries.push(await reader.entry());
      assert.deepEqual(
        entries.map(({ revision, operation, key, length }) => ({ revision, operation, key, length })),
        [
          { revision: 1, operation: "PUT", key: "a", length: 5 },
          { revision: 2, operation: "PUT", key: "empty", length: 0 },
          { revision: 3, operation: "DEL", key: "gone", length: 0 },
          { revision: 4, operation: "PUT", key: "a", length: 6 },
          { revision: 5, operation: "PURGE", key: "a", length: 0 },
        ],
      );
      for (const entry of entries) assert.equal(entry.value.length, 0, "the value is left out");
      await reader.watcher.stop();
    },
  }),

  scenario("W4/beside-a-full-watcher", "a metaOnly watcher takes nothing from one that wants values", {
    async run(env) {
      const kv = await env.bucket();
      const lean = read(await kv.watch(">", { metaOnly: true }));
      const full = read(await kv.watch(">"));
      assert.equal(await lean.next(), null);
      assert.equal(await full.next(), null);
      await kv.put("a", "value");
      assert.equal((await lean.entry()).value.length, 0);
      assert.equal((await full.entry()).string(), "value");
      await lean.watcher.stop();
      await full.watcher.stop();
    },
  }),

  scenario("W6/is-update", "isUpdate is false before null and true after it, markers included", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("b");
      await kv.put("a", "2");
      for (const start of [{}, { includeHistory: true }, { updatesOnly: true }, { resumeFromRevision: 2 }]) {
        const reader = read(await kv.watch(">", start));
        for (const entry of await reader.throughNull()) assert.equal(entry.isUpdate, false, "in the initial set");
        const last = await kv.put("c", "live");
        await kv.delete("c");
        assert.deepEqual([(await reader.entry()).isUpdate, (await reader.entry()).isUpdate], [true, true], "live");
        // The same entry is an update for one watcher and initial for another.
        const other = await throughNull(await kv.watch("c", { resumeFromRevision: last }));
        assert.deepEqual([other[0]?.revision, other[0]?.isUpdate], [last, false]);
        await reader.watcher.stop();
      }
    },
  }),

  scenario("W6/line-before-resolve", "what was written after watch() resolved is an update, however late it is read", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const watcher = await kv.watch(">");
      await kv.put("b", "2");
      const flags = (await take(watcher, 3)).map((item) => item?.isUpdate);
      assert.deepEqual(flags, [false, undefined, true]);
    },
  }),

  scenario("W6/outside-watches", "isUpdate and delta mean nothing outside: false, and 0 except in history", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      const revision = await kv.put("a", "2");
      const [many] = await getTogether(env.capabilities, kv, ["a"]);
      const [streamed] = await collect(kv.entries());
      for (const entry of [await kv.get("a"), await kv.getRevision("a", revision), many, streamed]) {
        assert.deepEqual([entry?.isUpdate, entry?.delta], [false, 0]);
      }
      for (const entry of await kv.history("a")) assert.equal(entry.isUpdate, false);
      const watched = await throughNull(await kv.watch("a", { includeHistory: true }));
      assert.deepEqual(
        watched.map((entry) => entry.delta),
        [0, 0],
      );
    },
  }),
];
