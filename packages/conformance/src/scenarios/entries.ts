import assert from "node:assert/strict";
import { everyRead } from "../bucket-state.ts";
import { bytes, read } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** The entries that carry values, and the keys that they are under. */
export const entryScenarios: readonly Scenario[] = [
  scenario("M7/plain-names", "keys are case-sensitive, and near names have nothing to do with each other", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const keys = [
        "a",
        "A",
        "a.b",
        "a.B",
        "a/b",
        "a_b",
        "a-b",
        "a=b",
        "aXb",
        "1",
        "01",
        "1.0",
        "__proto__",
        "constructor",
      ];
      for (const key of keys) assert.equal(await kv.get(key), null, `${key} before it was written`);
      for (const key of keys) await kv.create(key, `value of ${key}`);
      for (const key of keys) {
        assert.equal((await kv.get(key))?.string(), `value of ${key}`);
        assert.deepEqual(
          (await kv.history(key)).map((entry) => entry.key),
          [key],
        );
      }
      assert.deepEqual(await kv.keys(), keys.toSorted());
      await kv.delete("a");
      await kv.purge("a_b");
      const rest = keys.filter((key) => key !== "a" && key !== "a_b");
      assert.deepEqual(await kv.keys(), rest.toSorted());
      for (const key of rest) assert.equal((await kv.get(key))?.string(), `value of ${key}`);
    },
  }),

  scenario("M7/long", "a key of 30 tokens and one of 1,024 characters work like any other", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const tokens = range(1, 30).map((n) => `t${n}`);
      const long = [tokens.join("."), "k".repeat(1024), `${"token.".repeat(170)}last`];
      assert.equal(long[2]?.length, 1024);
      for (const key of long) {
        const watched = read(await kv.watch(key));
        assert.equal(await watched.next(), null);
        const first = await kv.create(key, "1");
        const second = await kv.update(key, "2", first);
        assert.equal((await watched.until("the update", ({ revision }) => revision === second)).at(-1)?.key, key);
        await watched.watcher.stop();
        for (const [way, entry] of await everyRead(env, kv, key, second)) assert.equal(entry?.key, key, way);
        assert.deepEqual(
          (await kv.history(key)).map(({ revision }) => revision),
          [first, second],
        );
        assert.deepEqual(await kv.keys(key), [key]);
      }
      assert.deepEqual(await kv.keys("t1.>"), [tokens.join(".")]);
      assert.deepEqual(await kv.keys(Array.from({ length: 30 }, () => "*").join(".")), [tokens.join(".")]);
      for (const key of long) await kv.delete(key);
      assert.deepEqual(await kv.keys(), []);
    },
  }),

  scenario("O8/fields", "an entry says everything about itself, by every way of reading", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("k", "old");
      const revision = await kv.put("k", '{"n":1}');
      const created = (await kv.get("k"))?.created;
      assert.ok(created instanceof Date && !Number.isNaN(created.getTime()), "created is a Date");
      for (const [way, entry] of await everyRead(env, kv, "k", revision)) {
        assert.ok(entry !== null, `${way} gives the entry`);
        assert.deepEqual(
          {
            bucket: entry.bucket,
            key: entry.key,
            value: Uint8Array.from(entry.value),
            length: entry.length,
            revision: entry.revision,
            created: entry.created,
            delta: entry.delta,
            operation: entry.operation,
            isUpdate: entry.isUpdate,
            expiresAt: entry.expiresAt,
            reason: entry.reason,
          },
          {
            bucket: kv.bucket,
            key: "k",
            value: bytes('{"n":1}'),
            length: 7,
            revision,
            created,
            delta: 0,
            operation: "PUT",
            isUpdate: false,
            expiresAt: undefined,
            reason: undefined,
          },
          way,
        );
        assert.equal(entry.string(), '{"n":1}', way);
        assert.deepEqual(entry.json<{ n: number }>(), { n: 1 }, way);
      }
    },
  }),

  scenario("O8/markers", "a marker is an entry with an empty value", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.delete("d");
      await kv.purge("p");
      for (const entry of await kv.history(">")) {
        assert.deepEqual([entry.value.length, entry.length, entry.string()], [0, 0, ""]);
        assert.equal(entry.operation, entry.key === "d" ? "DEL" : "PURGE");
        assert.equal(entry.bucket, kv.bucket);
        assert.equal(entry.reason, undefined, "nobody's expiry");
        assert.equal(entry.expiresAt, undefined);
        assert.ok(entry.created instanceof Date);
      }
    },
  }),

  scenario(
    "O8/expires-at",
    "expiresAt is the earlier of an entry's own deadline and the bucket's, wherever it is read",
    {
      requires: ({ limitMarkers, perKeyTtl }) => limitMarkers && perKeyTtl,
      async run(env) {
        const kv = await env.bucket({ ttl: 120_000, limitMarkerTtl: 60_000 });
        const lifetimes = new Map([
          ["bucket", 120_000],
          ["own", 90_000],
          ["longer", 120_000],
        ]);
        await kv.put("bucket", "1");
        await kv.put("own", "2", { ttl: 90_000 });
        await kv.put("longer", "3", { ttl: 150_000 });
        for (const [index, [key, lifetime]] of [...lifetimes].entries()) {
          for (const [way, entry] of await everyRead(env, kv, key, index + 1)) {
            const lives = (entry?.expiresAt?.getTime() ?? 0) - (entry?.created.getTime() ?? 0);
            assert.equal(lives, lifetime, `${key} by ${way}`);
          }
        }
      },
    },
  ),

  scenario("O8/created-order", "created never goes back with rising revisions, and no reading changes it", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const other = await (await env.open()).keyValue(kv.bucket);
      for (const n of range(1, 10)) {
        await Promise.all([kv.put("a", String(n)), other.put("b", String(n)), kv.delete("c"), other.purge("d")]);
        await env.pass(3);
      }
      const entries = await kv.history(">");
      assert.ok(entries.length >= 30);
      entries.slice(1).forEach((entry, index) => {
        const before = entries[index];
        assert.ok(
          before !== undefined && before.created <= entry.created,
          `${before?.revision} is not newer than ${entry.revision}`,
        );
      });
      const first = entries[0]?.created.getTime() ?? 0;
      const last = entries.at(-1)?.created.getTime() ?? 0;
      assert.ok(last - first >= 20, "time passes between writes");
      const again = await other.history(">");
      assert.deepEqual(
        again.map(({ created }) => created),
        entries.map(({ created }) => created),
      );
    },
  }),

  scenario("O8/length-without-value", "length is true where the value was left out", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("k", "Grüße");
      const [entry] = await kv.history("k", { metaOnly: true });
      assert.deepEqual([entry?.value.length, entry?.length, entry?.string()], [0, 7, ""]);
    },
  }),

  scenario("O8/json", "json throws what JSON.parse throws", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("k", "no JSON");
      const entry = await kv.get("k");
      assert.throws(() => entry?.json(), SyntaxError);
      await kv.put("k", "null");
      assert.equal((await kv.get("k"))?.json(), null);
    },
  }),
];
