import assert from "node:assert/strict";
import { fill, getEach, misuse, numbered, refuses, stateOf } from "../bucket-state.ts";
import { brief } from "../expect.ts";
import { outlive, reaches } from "../expiry.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const minute = 60_000;

/** purgeDeletes, and what `compactedTo` says of it. */
export const purgeDeletesScenarios: readonly Scenario[] = [
  scenario("P1/all", "with olderThan 0 every key that ends with a marker disappears wholly", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("deleted", "1");
      await kv.put("deleted", "2");
      await kv.delete("deleted");
      await kv.put("purged", "4");
      await kv.purge("purged");
      await kv.delete("never");
      await kv.put("live", "7");
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 3 + 1 + 1, "the number of entries removed");
      assert.deepEqual((await kv.history(">")).map(brief), ["7 PUT live=7"]);
      assert.equal(await kv.getRevision("deleted", 2), null);
      const status = await kv.status();
      assert.deepEqual([status.values, status.bytes, status.lastRevision], [1, "live7".length, 7]);
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 0, "nothing is left to remove");
      assert.equal(await kv.create("deleted", "8"), 8, "revisions go on");
    },
  }),

  scenario("P1/younger", "of a key whose marker is younger than the threshold only the marker stays", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("a", "3");
      await kv.delete("a");
      await kv.delete("b");
      await kv.purge("c");
      assert.equal(await kv.purgeDeletes({ olderThan: 10 * minute }), 3);
      assert.deepEqual((await kv.history(">")).map(brief), ["4 DEL a", "5 DEL b", "6 PURGE c"]);
      assert.equal(await kv.purgeDeletes({ olderThan: 10 * minute }), 0);
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 3);
    },
  }),

  scenario("P1/first-revision", "a young marker that is the bucket's first entry stays too", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.delete("a");
      assert.equal(await kv.purgeDeletes({ olderThan: 10 * minute }), 0);
      assert.deepEqual((await kv.history(">")).map(brief), ["1 DEL a"]);
    },
  }),

  scenario("P1/default-keeps-young", "without olderThan markers younger than 30 minutes stay", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      assert.equal(await kv.purgeDeletes(), 1);
      assert.deepEqual((await kv.history("a")).map(brief), ["2 DEL a"]);
    },
  }),

  scenario("P1/default-half-hour", "without olderThan markers go when they are 30 minutes old", {
    requires: (_, storage) => storage.advance !== undefined,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await env.pass(30 * minute - 1);
      await kv.delete("b");
      assert.equal(await kv.purgeDeletes(), 1, "a millisecond too early");
      assert.deepEqual((await kv.history(">")).map(brief), ["2 DEL a", "3 DEL b"]);
      await env.pass(1);
      assert.equal(await kv.purgeDeletes(), 1);
      assert.deepEqual((await kv.history(">")).map(brief), ["3 DEL b"]);
    },
  }),

  scenario("P1/by-age-of-the-marker", "a marker's own age decides, not that of what it deleted", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const age = 2_000;
      await kv.put("old", "1");
      await kv.delete("old");
      await kv.put("young", "3");
      await env.pass(age);
      await kv.delete("young");
      assert.equal(await kv.purgeDeletes({ olderThan: age }), 2 + 1);
      assert.deepEqual((await kv.history(">")).map(brief), ["4 DEL young"]);
    },
  }),

  scenario("P1/many-keys", "more keys than fit in any page are all looked at", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const keys = numbered("k.", 1_300);
      await fill(kv, keys);
      await kv.deleteAll();
      await fill(kv, keys.slice(100, 110), "again");
      assert.equal(await kv.purgeDeletes({ olderThan: 10 * minute }), 1_290, "the values behind the markers");
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 1_290, "the markers");
      assert.deepEqual(await kv.keys(), keys.slice(100, 110));
      assert.equal((await kv.status()).values, 30, "keys with a value keep all that they have");
    },
  }),

  scenario("P1/no-duration", "an olderThan that is no duration is INVALID_ARGUMENT", {
    async run(env) {
      const kv = await env.bucket();
      await kv.delete("a");
      for (const olderThan of [-1, 1.5, Number.NaN, "0", null]) {
        await refuses("INVALID_ARGUMENT", kv, () => kv.purgeDeletes({ olderThan: misuse<number>(olderThan) }));
      }
    },
  }),

  scenario("P1/expiry-marker", "an expiry marker is a marker to purgeDeletes", {
    requires: ({ limitMarkers, perKeyTtl }) => limitMarkers && perKeyTtl,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: 10 * minute, history: 3 });
      await kv.put("a", "1");
      await kv.put("a", "2", { ttl: 50 });
      await outlive(env, 50);
      await reaches(kv, 3);
      assert.equal(await kv.purgeDeletes({ olderThan: 9 * minute }), 0, "it is young");
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 1);
      assert.deepEqual(await kv.history("a"), []);
    },
  }),

  scenario("P2/live-key", "a key that ends with a value is never touched, whatever is behind it", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("a", "3");
      await kv.purge("b");
      await kv.create("b", "5");
      await kv.put("c", "");
      const before = await stateOf(kv);
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 0);
      assert.deepEqual(await stateOf(kv), before);
    },
  }),

  scenario("P2/racing-puts", "a put that lands during purgeDeletes survives", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const keys = numbered("k", 150);
      for (const round of range(1, 4)) {
        await fill(kv, keys, "old");
        await kv.deleteAll();
        const put = async (key: string, index: number): Promise<number> => {
          const handle = index % 2 === 0 ? kv : other;
          return await handle.put(key, `round ${round}`);
        };
        const [removed, revisions] = await Promise.all([
          kv.purgeDeletes({ olderThan: 0 }),
          Promise.all(keys.toReversed().map(put)),
        ]);
        assert.ok(removed >= 0);
        const entries = await getEach(kv, keys.toReversed());
        assert.deepEqual(
          entries.map((entry) => entry?.revision),
          revisions,
          "every put is there",
        );
        for (const entry of entries) assert.equal(entry?.string(), `round ${round}`);
        await kv.purgeAll();
      }
    },
  }),

  scenario("P2/racing-creates", "a create that lands during purgeDeletes survives, one key after the other", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      for (const round of range(1, 20)) {
        await kv.delete("k");
        const [, revision] = await Promise.all([
          kv.purgeDeletes({ olderThan: 0 }),
          other.create("k", String(round)),
          kv.purgeDeletes({ olderThan: 0 }),
        ]);
        const entry = await kv.get("k");
        assert.deepEqual([entry?.revision, entry?.string()], [revision, String(round)]);
      }
    },
  }),

  scenario("W13/status-compacted-to", "status tells the highest marker that purgeDeletes removed", {
    requires: ({ compactionDetection }) => compactionDetection,
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const compactedTo = async (): Promise<number> => (await kv.status()).compactedTo;
      assert.equal(await compactedTo(), 0);
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("b", "3");
      await kv.delete("c");
      await kv.put("b", "5");
      await kv.put("b", "6");
      assert.equal(await kv.purgeDeletes({ olderThan: 10 * minute }), 1, "the value behind a young marker");
      assert.equal(await compactedTo(), 0, "no marker was removed");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal(await compactedTo(), 4, "the markers 2 and 4 were removed");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal(await compactedTo(), 4);
      await kv.delete("a");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal(await compactedTo(), 7);
    },
  }),

  scenario("W13/status-older-marker", "a marker that purgeDeletes removes from behind a younger one counts", {
    requires: ({ compactionDetection }) => compactionDetection,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.delete("a");
      assert.equal(await kv.purgeDeletes({ olderThan: 10 * minute }), 2);
      assert.equal((await kv.status()).compactedTo, 2);
    },
  }),

  scenario("W13/status-not-compacted", "markers that history or purge removes do not count as compacted", {
    requires: ({ compactionDetection }) => compactionDetection,
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      for (const _ of range(1, 5)) await kv.delete("a");
      await kv.purge("a");
      await kv.put("a", "7");
      await kv.put("a", "8");
      await kv.put("a", "9");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 0);
    },
  }),
];
