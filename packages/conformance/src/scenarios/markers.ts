import assert from "node:assert/strict";
import { brief, read, throughNull } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** What delete and purge leave behind. */
export const markerScenarios: readonly Scenario[] = [
  scenario("M5/delete", "delete appends a DEL marker; the older entries stay", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("k", "1");
      await kv.put("k", "2");
      await kv.put("k.x", "3");
      assert.equal(await kv.delete("k"), 4);
      assert.equal(await kv.get("k"), null);
      const history = await kv.history("k");
      assert.deepEqual(history.map(brief), ["1 PUT k=1", "2 PUT k=2", "4 DEL k"]);
      assert.equal(history.at(-1)?.value.length, 0, "a marker has no value");
      assert.equal((await kv.getRevision("k", 2))?.string(), "2");
      assert.equal((await kv.get("k.x"))?.string(), "3", "another key is left alone");
    },
  }),

  scenario("M5/purge", "purge appends a PURGE marker and removes every older entry of that key", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("k", "1");
      await kv.put("other", "2");
      await kv.delete("k");
      await kv.put("k", "4");
      await kv.put("k.x", "5");
      assert.equal(await kv.purge("k"), 6);
      assert.equal(await kv.get("k"), null);
      assert.deepEqual((await kv.history(">")).map(brief), ["2 PUT other=2", "5 PUT k.x=5", "6 PURGE k"]);
      assert.deepEqual([await kv.getRevision("k", 1), await kv.getRevision("k", 4)], [null, null]);
      const all = await throughNull(await kv.watch(">", { includeHistory: true }));
      assert.deepEqual(all.map(brief), ["2 PUT other=2", "5 PUT k.x=5", "6 PURGE k"]);
      const status = await kv.status();
      assert.deepEqual([status.values, status.bytes], [3, "other2".length + "k.x5".length + "k".length]);
    },
  }),

  scenario("M5/history-limit", "a delete marker takes the place of the oldest entry where history is full", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      await kv.put("k", "1");
      await kv.put("k", "2");
      await kv.delete("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["2 PUT k=2", "3 DEL k"]);
      await kv.delete("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["3 DEL k", "4 DEL k"]);
    },
  }),

  scenario("M5/live-again", "a put after a marker makes the key live, behind its marker", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("k", "1");
      await kv.purge("k");
      await kv.put("k", "3");
      await kv.delete("k");
      await kv.put("k", "5");
      assert.equal((await kv.get("k"))?.string(), "5");
      assert.deepEqual((await kv.history("k")).map(brief), ["2 PURGE k", "3 PUT k=3", "4 DEL k", "5 PUT k=5"]);
    },
  }),

  scenario("O6/missing-key", "deleting or purging a key that does not exist writes a marker", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const watched = read(await kv.watch(">"));
      assert.equal(await watched.next(), null);
      assert.equal(await kv.delete("d"), 1);
      assert.equal(await kv.purge("p"), 2);
      assert.deepEqual((await kv.history(">")).map(brief), ["1 DEL d", "2 PURGE p"]);
      assert.deepEqual((await watched.take(2)).map(brief), ["1 DEL d", "2 PURGE p"]);
      await watched.watcher.stop();
    },
  }),

  scenario("O6/twice", "deleting twice writes two markers", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("k", "1");
      assert.equal(await kv.delete("k"), 2);
      assert.equal(await kv.delete("k"), 3);
      assert.deepEqual((await kv.history("k")).map(brief), ["1 PUT k=1", "2 DEL k", "3 DEL k"]);
    },
  }),

  scenario("O6/revisions", "every kind of write resolves to its revision", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const revisions = [
        await kv.put("k", "1"),
        await kv.putString("k", "2"),
        await kv.update("k", "3", 2),
        await kv.delete("k"),
        await kv.create("k", "5"),
        await kv.delete("k", { lastRevision: 5 }),
        await kv.purge("k", { lastRevision: 6 }),
        await kv.purge("k"),
        await kv.purge("missing"),
      ];
      assert.deepEqual(revisions, range(1, 9));
      assert.deepEqual((await kv.history(">")).map(brief), ["8 PURGE k", "9 PURGE missing"]);
    },
  }),

  scenario("O7/only-the-marker", "after purge the history is exactly one entry, PURGE", {
    async run(env) {
      const kv = await env.bucket({ history: 10 });
      for (const n of range(1, 8)) await kv.put("k", String(n));
      await kv.purge("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["9 PURGE k"]);
      await kv.purge("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["10 PURGE k"], "a purge removes the one before it");
      await kv.delete("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["10 PURGE k", "11 DEL k"]);
    },
  }),
];
