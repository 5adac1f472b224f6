import assert from "node:assert/strict";
import type { KeyValueEntry } from "@revkv/api";
import { fill, numbered } from "../bucket-state.ts";
import { brief, collect, read, rejects, throughNull } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const deltas = (entries: readonly KeyValueEntry[]): string[] =>
  entries.map((entry) => `${entry.revision} ${entry.key} ${entry.delta}`);

/** What `history()` gives, and in which order. */
export const historyScenarios: readonly Scenario[] = [
  scenario("H1/last-ten", "with history 10, 50 puts leave the revisions 41 to 50, oldest first", {
    async run(env) {
      const kv = await env.bucket({ history: 10 });
      for (const n of range(1, 50)) await kv.put("k", String(n));
      assert.deepEqual(
        (await kv.history("k")).map(brief),
        range(41, 50).map((n) => `${n} PUT k=${n}`),
      );
    },
  }),

  scenario("H1/with-markers", "history has the markers in their places, and no other key's entries", {
    async run(env) {
      const kv = await env.bucket({ history: 10 });
      await kv.delete("k");
      await kv.put("k", "2");
      await kv.put("k.x", "3");
      await kv.put("K", "4");
      await kv.delete("k");
      await kv.put("k", "6");
      assert.deepEqual((await kv.history("k")).map(brief), ["1 DEL k", "2 PUT k=2", "5 DEL k", "6 PUT k=6"]);
    },
  }),

  scenario("H2/newer-in-result", "delta counts the newer entries of the same key in the result", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.put("b", "2");
      await kv.put("a", "3");
      await kv.delete("a");
      await kv.put("b", "5");
      await kv.put("a", "6");
      assert.deepEqual(deltas(await kv.history("a")), ["1 a 3", "3 a 2", "4 a 1", "6 a 0"]);
      assert.deepEqual(deltas(await kv.history(">")), ["1 a 3", "2 b 1", "3 a 2", "4 a 1", "5 b 0", "6 a 0"]);
      assert.deepEqual(
        deltas(await kv.history("a", { ignoreDeletes: true })),
        ["1 a 2", "3 a 1", "6 a 0"],
        "a marker that is left out does not count",
      );
      assert.deepEqual(deltas(await kv.history("a", { metaOnly: true })), ["1 a 3", "3 a 2", "4 a 1", "6 a 0"]);
    },
  }),

  scenario("H2/zero-elsewhere", "delta is 0 on what every other call gives", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const live = read(await kv.watch("a"));
      assert.equal(await live.next(), null);
      for (const n of range(1, 3)) await kv.put("a", String(n));
      const entries = [
        await kv.get("a"),
        await kv.getRevision("a", 1),
        ...(env.capabilities.snapshotReads ? await kv.getMany(["a"]) : []),
        ...(await collect(kv.entries())),
        ...(await throughNull(await kv.watch("a"))),
        ...(await throughNull(await kv.watch("a", { includeHistory: true }))),
        ...(await throughNull(await kv.watch("a", { resumeFromRevision: 1 }))),
        ...(await live.until("the last put", ({ revision }) => revision === 3)),
      ];
      assert.ok(entries.length > 10);
      for (const entry of entries) assert.equal(entry?.delta, 0);
      await live.watcher.stop();
    },
  }),

  scenario("H3/nothing", "a key with no entries gives an empty list", {
    async run(env) {
      const kv = await env.bucket();
      assert.deepEqual(await kv.history("k"), []);
      assert.deepEqual(await kv.history(">"), []);
      await kv.put("k.x", "1");
      assert.deepEqual(await kv.history("k"), []);
      await kv.delete("k.x");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.deepEqual(await kv.history("k.x"), [], "a key that purgeDeletes removed");
    },
  }),

  scenario("H3/deleted", "a deleted key still has its history", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("k", "1");
      await kv.delete("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["1 PUT k=1", "2 DEL k"]);
    },
  }),

  scenario("H4/filters", "history by filter gives the entries of all matching keys in revision order", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("a.2", "1");
      await kv.put("a.1", "2");
      await kv.put("b", "3");
      await kv.delete("a.2");
      await kv.put("a.1.x", "5");
      await kv.purge("b");
      await kv.put("a.1", "7");
      const all = ["1 PUT a.2=1", "2 PUT a.1=2", "4 DEL a.2", "5 PUT a.1.x=5", "6 PURGE b", "7 PUT a.1=7"];
      assert.deepEqual((await kv.history("a.*")).map(brief), [
        "1 PUT a.2=1",
        "2 PUT a.1=2",
        "4 DEL a.2",
        "7 PUT a.1=7",
      ]);
      assert.deepEqual(
        (await kv.history("a.>")).map(brief),
        all.filter((line) => !line.includes(" b")),
      );
      assert.deepEqual((await kv.history("*.*.x")).map(brief), ["5 PUT a.1.x=5"]);
      assert.deepEqual((await kv.history(">")).map(brief), all);
      assert.deepEqual((await kv.history([])).map(brief), all, "an empty list is all keys");
      assert.deepEqual(await kv.history("c.>"), []);
    },
  }),

  scenario("H4/lists", "a list of filters gives each matching entry once, in revision order", {
    requires: ({ multipleFilters }) => multipleFilters,
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("b", "1");
      await kv.put("a.1", "2");
      await kv.put("c", "3");
      await kv.put("a.2", "4");
      await kv.put("b", "5");
      const wanted = ["1 PUT b=1", "2 PUT a.1=2", "4 PUT a.2=4", "5 PUT b=5"];
      assert.deepEqual((await kv.history(["a.*", "b"])).map(brief), wanted);
      assert.deepEqual((await kv.history(["b", "a.*", "a.1", "a.>", "b"])).map(brief), wanted);
      assert.deepEqual(deltas(await kv.history(["b", "a.1"])), ["1 b 1", "2 a.1 0", "5 b 0"]);
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await rejects("UNSUPPORTED", kv.history(["a", "b"]));
    },
  }),

  scenario("H4/ignore-deletes", "ignoreDeletes leaves out DEL and PURGE markers", {
    async run(env) {
      const kv = await env.bucket({ history: 4 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("a", "3");
      await kv.purge("b");
      await kv.delete("c");
      assert.deepEqual((await kv.history(">", { ignoreDeletes: true })).map(brief), ["1 PUT a=1", "3 PUT a=3"]);
      assert.deepEqual(await kv.history("b", { ignoreDeletes: true }), []);
      assert.equal((await kv.history(">", { ignoreDeletes: false })).length, 5);
    },
  }),

  scenario("H4/meta-only", "metaOnly leaves the values out; length is true", {
    async run(env) {
      const kv = await env.bucket({ history: 4 });
      await kv.put("a", "four");
      await kv.delete("a");
      await kv.put("b", "");
      const entries = await kv.history(">", { metaOnly: true });
      assert.deepEqual(
        entries.map((entry) => [entry.operation, entry.key, entry.revision, entry.value.length, entry.length]),
        [
          ["PUT", "a", 1, 0, 4],
          ["DEL", "a", 2, 0, 0],
          ["PUT", "b", 3, 0, 0],
        ],
      );
      assert.equal((await kv.getRevision("a", 1))?.string(), "four", "nothing was lost");
    },
  }),

  scenario("H4/long", "a history longer than any page is whole and in order", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const keys = numbered("k.", 1_500);
      await fill(kv, keys, "1");
      await fill(kv, keys, "2");
      await kv.put("other", "x");
      const entries = await kv.history("k.*");
      assert.equal(entries.length, 2 * keys.length);
      const revisions = entries.map(({ revision }) => revision);
      assert.deepEqual(revisions, range(1, 2 * keys.length));
      for (const entry of entries) {
        const second = entry.revision > keys.length;
        assert.deepEqual([entry.string(), entry.delta], second ? ["2", 0] : ["1", 1]);
      }
    },
  }),
];
