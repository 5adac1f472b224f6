import assert from "node:assert/strict";
import { everyRead, getEach, refuses, stateOf } from "../bucket-state.ts";
import { brief, collect, rejects } from "../expect.ts";
import { range } from "../load.ts";
import { offered } from "../offered.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** The counter of revisions, what is kept of a key, and what a resolved or refused write means. */
export const revisionScenarios: readonly Scenario[] = [
  scenario("M1/one-counter", "puts, deletes and purges of all keys share one counter that starts at 1", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const other = await env.bucket();
      assert.equal((await kv.status()).lastRevision, 0, "before the first write");
      assert.equal(await kv.put("a", "1"), 1);
      assert.equal(await kv.putString("b", "2"), 2);
      assert.equal(await kv.delete("a"), 3);
      assert.equal(await kv.purge("b"), 4);
      assert.equal(await kv.delete("never-written"), 5);
      assert.equal(await kv.create("a", "3"), 6);
      assert.equal(await kv.update("a", "4", 6), 7);
      assert.equal((await kv.status()).lastRevision, 7);
      assert.equal(await other.put("a", "1"), 1, "another bucket has a counter of its own");
    },
  }),

  scenario("M1/refused-takes-none", "a refused write takes no revision", {
    async run(env) {
      const kv = await env.bucket(offered(env.capabilities, { maxValueSize: 4, maxBytes: 10 }));
      assert.equal(await kv.put("a", "1"), 1);
      await rejects("KEY_EXISTS", kv.create("a", "2"));
      await rejects("REVISION_MISMATCH", kv.update("a", "2", 7));
      await rejects("REVISION_MISMATCH", kv.delete("a", { lastRevision: 7 }));
      await rejects("REVISION_MISMATCH", kv.purge("a", { lastRevision: 7 }));
      await rejects("VALUE_TOO_LARGE", kv.put("a", "12345"));
      if (env.capabilities.maxBytes) await rejects("BUCKET_FULL", kv.put("a-key-that-does-not-fit", "1"));
      await rejects("INVALID_KEY", kv.put("a..b", "1"));
      assert.equal((await kv.status()).lastRevision, 1);
      assert.equal(await kv.put("a", "2"), 2);
    },
  }),

  scenario("M1/concurrent", "concurrent writes of two managers get the numbers 1 to n, each exactly once", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const revisions = await Promise.all(
        range(1, 60).map((n) => {
          const handle = n % 2 === 0 ? kv : other;
          return n % 5 === 0 ? handle.delete(`k${n % 7}`) : handle.put(`k${n % 7}`, String(n));
        }),
      );
      assert.deepEqual(
        revisions.toSorted((a, b) => a - b),
        range(1, 60),
      );
      assert.deepEqual(
        (await kv.history(">")).map((entry) => entry.revision),
        range(1, 60),
      );
    },
  }),

  scenario("M1/callers-order", "writes of one caller to one key keep their order without being awaited", {
    async run(env) {
      const kv = await env.bucket();
      const revisions = await Promise.all(range(1, 30).map((n) => kv.put("k", String(n))));
      assert.deepEqual(revisions, range(1, 30));
      assert.equal((await kv.get("k"))?.string(), "30");
    },
  }),

  scenario("M4/newest-entries", "a key keeps its newest entries, as many as history says; markers count", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("k", "1");
      await kv.delete("k");
      await kv.put("k", "3");
      await kv.delete("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["2 DEL k", "3 PUT k=3", "4 DEL k"]);
      assert.equal((await kv.status()).values, 3);
      assert.equal(await kv.getRevision("k", 1), null, "what was trimmed is in no read");
    },
  }),

  scenario("M4/default-one", "without history a key keeps one entry", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("k", "1");
      await kv.put("k", "2");
      assert.deepEqual((await kv.history("k")).map(brief), ["2 PUT k=2"]);
      await kv.delete("k");
      assert.deepEqual((await kv.history("k")).map(brief), ["3 DEL k"], "a marker takes the place of the value");
    },
  }),

  scenario("M4/sixty-four", "history 64 keeps 64 entries of a key", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      for (const n of range(1, 70)) await kv.put("k", String(n));
      assert.deepEqual(
        (await kv.history("k")).map(brief),
        range(7, 70).map((n) => `${n} PUT k=${n}`),
      );
    },
  }),

  scenario("M4/per-key", "trimming one key leaves the entries of every other alone", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      await kv.put("a", "old");
      await kv.delete("a.b");
      for (const n of range(3, 42)) await kv.put("b", String(n));
      assert.deepEqual((await kv.history(">")).map(brief), ["1 PUT a=old", "2 DEL a.b", "41 PUT b=41", "42 PUT b=42"]);
    },
  }),

  scenario("M8/any-handle", "a resolved write is seen by every later read through any handle", {
    requires: ({ readAfterWrite }) => readAfterWrite,
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const other = await (await env.open()).keyValue(kv.bucket);
      for (const round of range(1, 3)) {
        for (const [writer, reader] of [
          [kv, other],
          [other, kv],
          [kv, kv],
        ] as const) {
          const value = `round ${round}`;
          const revision = await writer.put("k", value);
          for (const [way, entry] of await everyRead(env, reader, "k", revision)) {
            assert.equal(entry?.string(), value, `${way} sees the put at ${revision}`);
          }
          assert.deepEqual(await reader.keys(), ["k"]);
          assert.equal((await reader.status()).lastRevision, revision);
          const marker = await writer.delete("k");
          assert.equal(await reader.get("k"), null, "get sees the delete");
          assert.equal(await reader.getRevision("k", marker), null, "getRevision sees the delete");
          assert.deepEqual(await reader.keys(), [], "keys sees the delete");
          assert.deepEqual(await collect(reader.entries()), [], "entries sees the delete");
          assert.equal((await reader.history("k")).at(-1)?.revision, marker, "history sees the delete");
        }
      }
    },
  }),

  scenario("M8/own-write-under-load", "a write is seen by its writer's next read while others write too", {
    requires: ({ readAfterWrite }) => readAfterWrite,
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      const work = async (key: string, number: number): Promise<void> => {
        const [writer, reader] = number % 2 === 0 ? [kv, other] : [other, kv];
        for (const n of range(1, 10)) {
          const revision = await writer.put(key, String(n));
          const entry = await reader.get(key);
          assert.deepEqual([entry?.revision, entry?.string()], [revision, String(n)]);
        }
      };
      await Promise.all(range(1, 12).map((number) => work(`k${number}`, number)));
    },
  }),

  scenario("M10/refused-changes-nothing", "a refused operation leaves no trace, whatever refused it", {
    async run(env) {
      const kv = await env.bucket(offered(env.capabilities, { history: 3, maxValueSize: 8, maxBytes: 40 }));
      await kv.put("live", "1");
      await kv.put("live", "2");
      await kv.put("gone", "3");
      await kv.delete("gone");
      const tooLarge = "123456789";
      const calls: readonly (readonly [Parameters<typeof refuses>[0], () => Promise<unknown>])[] = [
        ["KEY_EXISTS", () => kv.create("live", "x")],
        ["REVISION_MISMATCH", () => kv.update("live", "x", 1)],
        ["REVISION_MISMATCH", () => kv.update("live", "x", 0)],
        ["REVISION_MISMATCH", () => kv.update("gone", "x", 0)],
        ["REVISION_MISMATCH", () => kv.update("new", "x", 2)],
        ["REVISION_MISMATCH", () => kv.delete("live", { lastRevision: 1 })],
        ["REVISION_MISMATCH", () => kv.purge("live", { lastRevision: 1 })],
        ["REVISION_MISMATCH", () => kv.purge("new", { lastRevision: 1 })],
        ["VALUE_TOO_LARGE", () => kv.put("live", tooLarge)],
        ["VALUE_TOO_LARGE", () => kv.create("gone", tooLarge)],
        ["VALUE_TOO_LARGE", () => kv.update("live", tooLarge, 2)],
        ...(env.capabilities.maxBytes
          ? [["BUCKET_FULL", () => kv.put("a-key-that-does-not-fit", "1234567")] as const]
          : []),
        ["INVALID_KEY", () => kv.put("not a key", "x")],
        ["INVALID_ARGUMENT", () => kv.put("live", 1 as unknown as string)],
      ];
      for (const [code, call] of calls) await refuses(code, kv, call);
    },
  }),

  scenario("M10/refused-neighbours", "writes that are refused do not touch those sent along with them", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("taken", "first");
      const results = await Promise.allSettled(
        range(0, 39).map((n) => {
          if (n % 4 === 1) return kv.create("taken", "x");
          if (n % 4 === 2) return kv.update("taken", "x", 99);
          return kv.put(`k${n}`, String(n));
        }),
      );
      const accepted = range(0, 39).filter((n) => n % 4 === 0 || n % 4 === 3);
      for (const n of range(0, 39)) {
        assert.equal(results[n]?.status, accepted.includes(n) ? "fulfilled" : "rejected", `write ${n}`);
      }
      const state = await stateOf(kv);
      assert.equal(state.lastRevision, 1 + accepted.length);
      assert.deepEqual(
        (
          await getEach(
            kv,
            accepted.map((n) => `k${n}`),
          )
        ).map((entry) => entry?.string()),
        accepted.map(String),
      );
      assert.equal((await kv.get("taken"))?.string(), "first");
    },
  }),

  scenario("O1/round", "put, get, delete, get, create: revisions 1, 1, 2, none, 3", {
    async run(env) {
      const kv = await env.bucket();
      assert.equal(await kv.put("k", "one"), 1);
      const entry = await kv.get("k");
      assert.equal(entry && brief(entry), "1 PUT k=one");
      assert.equal(await kv.delete("k"), 2);
      assert.equal(await kv.get("k"), null);
      assert.equal(await kv.create("k", "two"), 3, "create works over a marker");
      assert.equal((await kv.get("k"))?.string(), "two");
    },
  }),

  scenario("O1/over-purge", "create works over a purge marker", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("k", "one");
      await kv.purge("k");
      assert.equal(await kv.get("k"), null);
      assert.equal(await kv.create("k", "two"), 3);
      assert.equal((await kv.get("k"))?.string(), "two");
    },
  }),

  scenario("O2/absent-is-null", "get and getRevision give null for what is not there", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      assert.equal(await kv.get("never"), null, "a key never written");
      assert.equal(await kv.getRevision("never", 1), null, "a revision never written");
      await kv.put("k", "1");
      await kv.put("other", "2");
      await kv.put("k", "3");
      assert.equal((await kv.getRevision("k", 1))?.string(), "1", "a kept revision that is not the newest");
      assert.equal((await kv.getRevision("k", 3))?.string(), "3", "the newest revision");
      assert.equal(await kv.getRevision("k", 2), null, "a revision of another key");
      assert.equal(await kv.getRevision("never", 1), null, "another key's revision, of a key never written");
      assert.equal(await kv.getRevision("k", 4), null, "a revision that is still to come");
      await kv.delete("k");
      assert.equal(await kv.get("k"), null, "a deleted key");
      assert.equal(await kv.getRevision("k", 4), null, "a delete marker");
      assert.equal(await kv.getRevision("k", 1), null, "a trimmed revision");
      assert.equal((await kv.getRevision("k", 3))?.string(), "3", "a value behind its delete marker");
      await kv.purge("k");
      assert.equal(await kv.get("k"), null, "a purged key");
      assert.equal(await kv.getRevision("k", 5), null, "a purge marker");
      assert.equal(await kv.getRevision("k", 3), null, "a revision that purge removed");
    },
  }),

  scenario("O2/no-revision", "getRevision with what is no positive integer is INVALID_ARGUMENT", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("k", "1");
      for (const revision of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined]) {
        await rejects("INVALID_ARGUMENT", kv.getRevision("k", revision as number));
      }
      assert.equal((await kv.getRevision("k", 1))?.string(), "1");
    },
  }),
];
