import assert from "node:assert/strict";
import type { DeleteOptions, KeyValue } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { misuse, refuses } from "../bucket-state.ts";
import { exactlyOne } from "../contest.ts";
import { brief, of, rejects } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Delete and purge, which take the same condition (rule O5). */
const removals = ["delete", "purge"] as const;

/** Writes under a condition: create, update, and delete and purge with a revision. */
export const conditionScenarios: readonly Scenario[] = [
  scenario("O3/not-live", "create succeeds on a key that was never written, deleted or purged", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      assert.equal(await kv.create("k", "1"), 1);
      await kv.delete("k");
      assert.equal(await kv.create("k", "2"), 3);
      await kv.purge("k");
      assert.equal(await kv.create("k", "3"), 5);
      assert.equal((await kv.get("k"))?.string(), "3");
    },
  }),

  scenario("O3/live", "create on a live key is refused with the key and its revision", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("other", "1");
      await kv.put("k", "2");
      await refuses("KEY_EXISTS", kv, () => kv.create("k", "x"), { key: "k", revision: 2 });
      await kv.put("k", "3");
      await refuses("KEY_EXISTS", kv, () => kv.create("k", "x"), { key: "k", revision: 3 });
    },
  }),

  scenario("O3/one-of-twenty", "of 20 concurrent creates through two managers exactly one succeeds", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      for (const round of range(1, 5)) {
        const key = `k${round}`;
        // Every other round begins with a marker, over which a careless create races as an update.
        if (round % 2 === 0) await kv.delete(key);
        const winner = await exactlyOne(
          [kv, other],
          (handle, caller) => handle.create(key, String(caller)),
          "KEY_EXISTS",
          (revision) => ({ key, revision }),
        );
        assert.equal((await kv.get(key))?.revision, winner);
        await kv.delete(key);
      }
      assert.equal((await kv.status()).lastRevision, 5 + 2 + 5, "refused creates took no revision");
    },
  }),

  scenario("O4/newest-revision", "update succeeds at the key's newest revision and at no other", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("k", "1");
      await kv.put("other", "2");
      assert.equal(await kv.update("k", "3", 1), 3);
      const wrong = { old: 1, "another key's": 2, "one to come": 4, none: 0 };
      for (const [what, expected] of Object.entries(wrong)) {
        const fields = { key: "k", expected, actual: 3 };
        await of(`${what} revision`, () =>
          refuses("REVISION_MISMATCH", kv, () => kv.update("k", "x", expected), fields),
        );
      }
      assert.equal(await kv.update("k", "4", 3), 4);
      assert.deepEqual((await kv.history("k")).map(brief), ["1 PUT k=1", "3 PUT k=3", "4 PUT k=4"]);
    },
  }),

  scenario("O4/missing-key", "on a key without entries update works with 0 only", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("other", "1");
      await refuses("REVISION_MISMATCH", kv, () => kv.update("k", "x", 1), { key: "k", expected: 1, actual: 0 });
      assert.equal(await kv.update("k", "2", 0), 2);
      await refuses("REVISION_MISMATCH", kv, () => kv.update("k", "x", 0), { key: "k", expected: 0, actual: 2 });
    },
  }),

  scenario("O4/markers", "over a marker update works with the marker's revision, not with 0 nor the value's", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      for (const removal of removals) {
        const key = `key.${removal}`;
        const value = await kv.put(key, "1");
        const marker = await kv[removal](key);
        for (const expected of [0, value]) {
          await refuses("REVISION_MISMATCH", kv, () => kv.update(key, "x", expected), {
            key,
            expected,
            actual: marker,
          });
        }
        assert.equal(await kv.update(key, "2", marker), marker + 1);
        assert.equal((await kv.get(key))?.string(), "2");
      }
    },
  }),

  scenario("O4/after-purge-deletes", "0 works again once purgeDeletes has removed the marker", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("k", "1");
      await kv.delete("k");
      await kv.purgeDeletes({ olderThan: 0 });
      await refuses("REVISION_MISMATCH", kv, () => kv.update("k", "x", 2), { key: "k", expected: 2, actual: 0 });
      assert.equal(await kv.update("k", "2", 0), 3);
    },
  }),

  scenario("O4/one-of-twenty", "of 20 concurrent updates from one revision exactly one succeeds", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      let last = 0;
      for (let round = 0; round < 5; round += 1) {
        const expected = last;
        last = await exactlyOne(
          [kv, other],
          (handle, caller) => handle.update("k", `${round} ${caller}`, expected),
          "REVISION_MISMATCH",
          (actual) => ({ key: "k", expected, actual }),
        );
      }
      assert.equal(last, 5, "refused updates took no revision");
    },
  }),

  scenario("O4/no-lost-update", "counting by get and update through two managers loses nothing", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      await kv.put("count", "0");
      let refused = 0;
      const countTo = async (handle: KeyValue, target: number): Promise<void> => {
        for (let done = 0; done < target; ) {
          const entry = await handle.get("count");
          assert.ok(entry !== null);
          try {
            await handle.update("count", String(Number(entry.string()) + 1), entry.revision);
            done += 1;
          } catch (error) {
            if (!isKeyValueError(error, "REVISION_MISMATCH")) throw error;
            refused += 1;
          }
        }
      };
      await Promise.all([countTo(kv, 15), countTo(other, 15), countTo(kv, 15)]);
      const entry = await kv.get("count");
      assert.deepEqual([entry?.string(), entry?.revision], ["45", 46], `after ${refused} refusals`);
    },
  }),

  scenario("O4/no-revision", "update with what is no revision is INVALID_ARGUMENT, never unconditional", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("k", "1");
      for (const last of [undefined, null, -1, 1.5, Number.NaN, "1"]) {
        await refuses("INVALID_ARGUMENT", kv, () => kv.update("k", "x", misuse<number>(last)));
        await refuses("INVALID_ARGUMENT", kv, () => kv.update("new", "x", misuse<number>(last)));
      }
    },
  }),

  scenario("O5/newest-revision", "delete and purge with lastRevision succeed at the newest revision only", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      for (const removal of removals) {
        const key = `key.${removal}`;
        const first = await kv.put(key, "1");
        const second = await kv.put(key, "2");
        for (const lastRevision of [first, second + 1]) {
          await refuses("REVISION_MISMATCH", kv, () => kv[removal](key, { lastRevision }), {
            key,
            expected: lastRevision,
            actual: second,
          });
        }
        const marker = await kv[removal](key, { lastRevision: second });
        assert.equal(marker, second + 1);
        assert.equal(await kv.get(key), null);
        await refuses("REVISION_MISMATCH", kv, () => kv[removal](key, { lastRevision: second }), {
          key,
          expected: second,
          actual: marker,
        });
        assert.equal(await kv[removal](key, { lastRevision: marker }), marker + 1, "a marker's revision counts");
      }
    },
  }),

  scenario("O5/missing-key", "delete and purge with lastRevision are refused on a key without entries", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("other", "1");
      for (const removal of removals) {
        await refuses("REVISION_MISMATCH", kv, () => kv[removal]("k", { lastRevision: 1 }), {
          key: "k",
          expected: 1,
          actual: 0,
        });
      }
    },
  }),

  scenario("O5/no-revision", "a lastRevision that is no positive integer is INVALID_ARGUMENT, undefined included", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("k", "1");
      for (const removal of removals) {
        for (const lastRevision of [undefined, null, 0, -1, 1.5, Number.NaN, "1"]) {
          const options = misuse<DeleteOptions>({ lastRevision });
          await refuses("INVALID_ARGUMENT", kv, () => kv[removal]("k", options));
          await refuses("INVALID_ARGUMENT", kv, () => kv[removal]("new", options));
        }
      }
    },
  }),

  scenario("O5/one-of-twenty", "of 20 concurrent deletes and purges at one revision exactly one succeeds", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      const lastRevision = await kv.put("k", "1");
      const winner = await exactlyOne(
        [kv, other],
        (handle, caller) => handle[caller % 3 === 0 ? "purge" : "delete"]("k", { lastRevision }),
        "REVISION_MISMATCH",
        (actual) => ({ key: "k", expected: lastRevision, actual }),
      );
      assert.equal(winner, 2);
      await rejects("REVISION_MISMATCH", kv.delete("k", { lastRevision }), { expected: 1, actual: 2 });
    },
  }),
];
