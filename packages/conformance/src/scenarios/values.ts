import assert from "node:assert/strict";
import type { KeyValueEntry } from "@revkv/api";
import { everyRead, range } from "../bucket-state.ts";
import { brief, bytes, read, rejects, throughNull } from "../expect.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Values that encodings, escapes and terminators have spoilt before. */
const awkwardValues: Readonly<Record<string, Uint8Array>> = {
  "control and high bytes": Uint8Array.from([0, 1, 255, 128, 10, 13]),
  "every byte": Uint8Array.from(range(0, 255)),
  "no bytes": new Uint8Array(0),
  "one zero": new Uint8Array(1),
  "a backslash": bytes("\\x00 \\\\ \\"),
  "text of several scripts": bytes("naïve – 日本語 – 🗝️"),
  "half a character": Uint8Array.from([0xf0, 0x9f, 0x97]),
};

/** 1 MiB in which no two stretches are alike. */
function mebibyte(): Uint8Array {
  const value = new Uint8Array(1024 * 1024);
  for (let index = 0; index < value.length; index += 1) value[index] = (index * 31 + (index >> 8) * 17) & 255;
  return value;
}

/** Compares without printing a mebibyte when it fails. */
function sameBytes(entry: KeyValueEntry | null, expected: Uint8Array, what: string): void {
  assert.ok(entry !== null, `${what}: there is an entry`);
  assert.ok(entry.value instanceof Uint8Array, `${what}: the value is a Uint8Array`);
  assert.equal(entry.value.length, expected.length, `${what}: as many bytes`);
  assert.equal(entry.length, expected.length, `${what}: length says so`);
  assert.equal(Buffer.compare(entry.value, expected), 0, `${what}: the same bytes`);
}

/** Values, byte for byte, and the entries that carry them. */
export const valueScenarios: readonly Scenario[] = [
  scenario("M6/byte-for-byte", "all byte values come back as they were, by every way of reading", {
    async run(env) {
      const kv = await env.bucket();
      for (const [what, value] of Object.entries(awkwardValues)) {
        const revision = await kv.put("k", value);
        for (const [way, entry] of await everyRead(env, kv, "k", revision)) sameBytes(entry, value, `${way}, ${what}`);
      }
    },
  }),

  scenario("M6/mebibyte", "a value of 1 MiB comes back as it was, by every way of reading", {
    async run(env) {
      const kv = await env.bucket();
      const value = mebibyte();
      const watched = read(await kv.watch("k", { updatesOnly: true }));
      assert.equal(await watched.next(), null);
      const revision = await kv.put("k", value);
      sameBytes(await watched.entry(), value, "a live update");
      for (const [way, entry] of await everyRead(env, kv, "k", revision)) sameBytes(entry, value, way);
      await watched.watcher.stop();
    },
  }),

  scenario("M6/live-updates", "all byte values reach a watcher as they were", {
    async run(env) {
      const kv = await env.bucket({ history: 16 });
      const watched = read(await kv.watch("k"));
      assert.equal(await watched.next(), null);
      for (const [what, value] of Object.entries(awkwardValues)) {
        await kv.put("k", value);
        sameBytes(await watched.entry(), value, what);
      }
      await watched.watcher.stop();
    },
  }),

  scenario("M6/empty-is-a-value", "an empty value is a PUT and not a marker", {
    async run(env) {
      const kv = await env.bucket();
      assert.equal(await kv.put("bytes", new Uint8Array(0)), 1);
      assert.equal(await kv.create("text", ""), 2);
      for (const [revision, key] of [
        [1, "bytes"],
        [2, "text"],
      ] as const) {
        for (const [way, entry] of await everyRead(env, kv, key, revision)) {
          assert.deepEqual([entry?.operation, entry?.length, entry?.string()], ["PUT", 0, ""], `${way} of ${key}`);
        }
        await rejects("KEY_EXISTS", kv.create(key, "x"), { key, revision });
      }
      assert.deepEqual(await kv.keys(), ["bytes", "text"]);
      const shown = await throughNull(await kv.watch(">", { ignoreDeletes: true }));
      assert.deepEqual(shown.map(brief), ["1 PUT bytes=", "2 PUT text="]);
      await kv.purgeDeletes({ olderThan: 0 });
      assert.deepEqual(await kv.keys(), ["bytes", "text"], "purgeDeletes takes no empty value for a marker");
    },
  }),

  scenario("M6/views-and-text", "a view stores its own part of a buffer, a string its UTF-8", {
    async run(env) {
      const kv = await env.bucket();
      const whole = Uint8Array.from(range(0, 99));
      await kv.put("view", whole.subarray(10, 20));
      await kv.put("buffer", Buffer.from("pooled buffers have an offset"));
      await kv.put("string", "Grüße 🗝️");
      await kv.putString("putString", "Grüße 🗝️");
      sameBytes(await kv.get("view"), Uint8Array.from(range(10, 19)), "a subarray");
      sameBytes(await kv.get("buffer"), bytes("pooled buffers have an offset"), "a Buffer");
      for (const key of ["string", "putString"]) {
        const entry = await kv.get(key);
        sameBytes(entry, bytes("Grüße 🗝️"), key);
        assert.equal(entry?.string(), "Grüße 🗝️");
      }
    },
  }),

  scenario("M6/reused-buffer", "changing the caller's buffer after a write resolved changes nothing", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const watched = read(await kv.watch("k"));
      assert.equal(await watched.next(), null);
      const buffer = bytes("before");
      const writes = [
        () => kv.put("k", buffer),
        () => kv.update("k", buffer, 1),
        async () => await kv.purge("k").then(() => kv.create("k", buffer)),
      ];
      for (const write of writes) {
        buffer.set(bytes("before"));
        const revision = await write();
        buffer.fill(0);
        for (const [way, entry] of await everyRead(env, kv, "k", revision)) sameBytes(entry, bytes("before"), way);
        const seen = await watched.until(`revision ${revision}`, (entry) => entry.revision === revision);
        sameBytes(seen.at(-1) ?? null, bytes("before"), "a live update");
      }
      await watched.watcher.stop();
    },
  }),

  scenario("M6/reused-buffer-in-a-transaction", "a transaction's values are the store's own once it resolved", {
    requires: ({ transactions }) => transactions,
    async run(env) {
      const kv = await env.bucket();
      const buffer = bytes("before");
      await kv.transaction([
        { op: "put", key: "a", value: buffer },
        { op: "create", key: "b", value: buffer },
      ]);
      buffer.fill(0);
      sameBytes(await kv.get("a"), bytes("before"), "put");
      sameBytes(await kv.get("b"), bytes("before"), "create");
    },
  }),

  scenario("M6/returned-value", "changing a returned value or Date changes nothing for anybody", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const live = read(await kv.watch("k"));
      assert.equal(await live.next(), null);
      const revision = await kv.put("k", "before");
      const created = (await kv.get("k"))?.created.getTime();
      const spoil = (entry: KeyValueEntry | null): void => {
        entry?.value.fill(0);
        entry?.created.setTime(0);
      };
      for (const [, entry] of await everyRead(env, kv, "k", revision)) spoil(entry);
      spoil(await live.entry());
      for (const [way, entry] of await everyRead(env, kv, "k", revision)) {
        sameBytes(entry, bytes("before"), way);
        assert.equal(entry?.created.getTime(), created, `${way}: created is as it was`);
      }
      await live.watcher.stop();
    },
  }),

  scenario("M6/readers-apart", "readers of the same entry at the same time do not share it", {
    async run(env) {
      const kv = await env.bucket();
      const watchers = [read(await kv.watch("k")), read(await kv.watch(">"))];
      for (const watched of watchers) assert.equal(await watched.next(), null);
      await kv.put("k", "before");
      const gets = Promise.all([kv.get("k"), kv.get("k"), kv.getRevision("k", 1), kv.getRevision("k", 1)]);
      const many = env.capabilities.snapshotReads ? [kv.getMany(["k", "k"]), kv.getMany(["k"])] : [];
      const updates = Promise.all(watchers.map((watched) => watched.entry()));
      const histories = Promise.all([kv.history("k"), kv.history("k")]);
      const readings = [await gets, (await Promise.all(many)).flat(), await updates, (await histories).flat()];
      for (const entries of readings) {
        for (const entry of entries) {
          sameBytes(entry, bytes("before"), "an entry of which another copy was changed");
          assert.notEqual(entry?.created.getTime(), 0, "a Date of which another copy was changed");
          entry?.value.fill(0);
          entry?.created.setTime(0);
        }
      }
      await Promise.all(watchers.map(({ watcher }) => watcher.stop()));
    },
  }),

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
