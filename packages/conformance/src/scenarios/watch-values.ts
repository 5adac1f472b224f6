import assert from "node:assert/strict";
import { bytes, read, take } from "../expect.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** The values that watchers get: M6. */
export const watchValueScenarios: readonly Scenario[] = [
  scenario("M6/watched-bytes", "watchers get values byte for byte: any bytes, none, a megabyte", {
    async run(env) {
      const kv = await env.bucket({ history: 10 });
      const size = Math.min(1_048_576, env.capabilities.maxValueBytes);
      const values = [
        new Uint8Array([0, 1, 255, 128, 10, 13]),
        new Uint8Array(0),
        new Uint8Array(size).map((_, index) => index * 7),
        bytes("grüße, 世界"),
      ];
      const live = await kv.watch("a");
      for (const value of values) await kv.put("a", value);
      const watchers = [live, await kv.watch("a", { includeHistory: true })];
      for (const watcher of watchers) {
        const items = (await take(watcher, values.length + 1)).filter((item) => item !== null);
        for (const [index, value] of values.entries()) {
          const entry = items[index];
          assert.equal(entry?.operation, "PUT", "an empty value is a PUT");
          assert.equal(entry.length, value.length);
          assert.ok(Buffer.compare(entry.value, value) === 0, `value ${index} came back as it was`);
        }
      }
    },
  }),

  scenario("M6/callers-buffer", "what the caller does to its buffer after a put resolved does not reach watchers", {
    async run(env) {
      const kv = await env.bucket();
      const watcher = await kv.watch("a");
      const buffer = bytes("value");
      await kv.put("a", buffer);
      buffer.fill(0);
      const [, entry] = await take(watcher, 2);
      assert.equal(entry?.string(), "value");
    },
  }),

  scenario("M6/watchers-apart", "what one watcher does to its entries does not reach another, nor the store", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "initial");
      const vandal = read(await kv.watch(">"));
      const victim = read(await kv.watch(">"));
      const both = async (): Promise<void> => {
        const spoilt = await vandal.entry();
        const { created, value } = spoilt;
        const text = spoilt.string();
        const time = created.getTime();
        value.fill(0);
        created.setTime(0);
        const untouched = await victim.entry();
        assert.equal(untouched.string(), text);
        assert.equal(untouched.created.getTime(), time);
        const stored = await kv.getRevision("a", spoilt.revision);
        assert.equal(stored?.string(), text);
        assert.equal(stored.created.getTime(), time);
      };
      await both();
      assert.deepEqual([await vandal.next(), await victim.next()], [null, null]);
      await kv.put("a", "live");
      await both();
      await vandal.watcher.stop();
      await victim.watcher.stop();
    },
  }),

  scenario("M6/own-copy", "an entry's own copy of its value stays the same while the key goes on", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "first");
      const [first] = await take(await kv.watch("a"), 1);
      await kv.put("a", "second");
      await kv.purge("a");
      assert.equal(first?.string(), "first");
    },
  }),
];
