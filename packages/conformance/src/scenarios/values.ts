import assert from "node:assert/strict";
import type { KeyValueEntry } from "@revkv/api";
import { everyRead } from "../bucket-state.ts";
import { brief, bytes, read, rejects, throughNull } from "../expect.ts";
import { hour, lifetime } from "../expiry.ts";
import { range } from "../load.ts";
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

/** Values come back byte for byte, and are nobody else's. */
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
      const kv = await env.bucket({ history: 2, ttl: hour });
      const live = read(await kv.watch("k"));
      assert.equal(await live.next(), null);
      const revision = await kv.put("k", "before");
      const created = (await kv.get("k"))?.created.getTime();
      const spoil = (entry: KeyValueEntry | null): void => {
        entry?.value.fill(0);
        entry?.created.setTime(0);
        entry?.expiresAt?.setTime(0);
      };
      for (const [, entry] of await everyRead(env, kv, "k", revision)) spoil(entry);
      spoil(await live.entry());
      for (const [way, entry] of await everyRead(env, kv, "k", revision)) {
        sameBytes(entry, bytes("before"), way);
        assert.equal(entry?.created.getTime(), created, `${way}: created is as it was`);
        assert.equal(lifetime(entry), hour, `${way}: expiresAt is as it was`);
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
];
