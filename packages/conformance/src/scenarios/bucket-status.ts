import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import fc from "fast-check";
import { collect, of, rejects } from "../expect.ts";
import { offered } from "../offered.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";
import { fieldsOf, settingsOf, statusFields } from "../status-fields.ts";

/** Asserts that the figures of a status are those of all that a reader is given. */
async function assertExact(kv: KeyValue): Promise<void> {
  const kept = await kv.history(">");
  const { values, bytes, approximate } = await kv.status();
  const expected = { values: kept.length, bytes: 0, approximate: false };
  for (const { key, length } of kept) expected.bytes += key.length + length;
  assert.deepEqual({ values, bytes, approximate }, expected);
}

/** What a bucket tells about itself (rule B8). */
export const bucketStatusScenarios: readonly Scenario[] = [
  scenario("B8/defaults", "the status of a new bucket without settings has defaults, and undefined for what is unset", {
    async run(env) {
      const kv = await env.bucket();
      const status = await kv.status();
      const { incarnation, ...fields } = fieldsOf(status);
      assert.deepEqual(fields, {
        bucket: kv.bucket,
        values: 0,
        bytes: 0,
        history: 1,
        backingStore: env.manager.backingStore,
        isCompressed: false,
        metadata: {},
        config: { bucket: kv.bucket, history: 1, compression: false, metadata: {} },
        lastRevision: 0,
        compactedTo: 0,
        approximate: false,
      });
      assert.deepEqual([status.ttl, status.limitMarkerTtl], [undefined, undefined], "what is unset is undefined");
      assert.equal(typeof incarnation, "string");
    },
  }),
  scenario("B8/settings", "the status shows every setting of the bucket", {
    async run(env) {
      const compression = env.capabilities.compression;
      const config = offered(env.capabilities, {
        description: 'it\'s a "description" – with ünïcode 😀\n',
        history: 12,
        ttl: 600_000,
        maxValueSize: 77,
        maxBytes: 7777,
        metadata: { "a name": "a value", ü: "ñ", "": "", quote: "'\"\\", ["__proto__"]: "x" },
        compression,
        limitMarkerTtl: 5000,
      });
      const kv = await env.bucket(config);
      for (const handle of [kv, await (await env.open()).keyValue(kv.bucket)]) {
        const status = await handle.status();
        assert.deepEqual(settingsOf(status), { ...config, metadata: config.metadata ?? {}, bucket: kv.bucket });
        assert.deepEqual({ ...status.metadata }, config.metadata ?? {});
        assert.equal(status.history, 12);
        assert.equal(status.ttl, 600_000);
        assert.equal(status.limitMarkerTtl, env.capabilities.limitMarkers ? 5000 : undefined);
        assert.equal(status.isCompressed, compression);
        assert.equal(status.backingStore, env.manager.backingStore);
      }
    },
  }),
  scenario("B8/figures", "values and bytes count history and markers, and nothing that is gone", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const figures = async (): Promise<readonly number[]> => {
        const { values, bytes, lastRevision, compactedTo } = await kv.status();
        return [values, bytes, lastRevision, compactedTo];
      };
      await kv.put("a", "123");
      assert.deepEqual(await figures(), [1, 4, 1, 0]);
      await kv.put("a", "é");
      assert.deepEqual(await figures(), [2, 7, 2, 0], "history counts");
      await kv.put("a", "");
      assert.deepEqual(await figures(), [2, 4, 3, 0], "what was trimmed does not");
      await kv.delete("bb");
      assert.deepEqual(await figures(), [3, 6, 4, 0], "a marker counts its key");
      await kv.purge("a");
      assert.deepEqual(await figures(), [2, 3, 5, 0], "what was purged does not");
      await kv.purgeDeletes({ olderThan: 0 });
      const { compactionDetection } = env.capabilities;
      assert.deepEqual((await figures()).slice(0, 3), [0, 0, 5]);
      if (compactionDetection) assert.deepEqual(await figures(), [0, 0, 5, 5], "the highest marker removed");
    },
  }),
  scenario("B8/compacted-to", "compactedTo is the highest marker that was removed for good, not the last one", {
    requires: ({ compactionDetection }) => compactionDetection,
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.delete("a");
      await kv.purge("b");
      await kv.put("c", "3");
      await kv.purgeDeletes({ olderThan: 600_000 });
      assert.equal((await kv.status()).compactedTo, 0, "young markers stay");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 2);
      await kv.delete("c");
      await kv.put("c", "5");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 2, "the markers of a live key stay");
      await kv.delete("a");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 6);
    },
  }),
  scenario("B8/expired", "values and bytes leave out what has expired, from that moment", {
    async run(env) {
      const kv = await env.bucket({ ttl: 1000, history: 3 });
      await kv.put("a", "1");
      await kv.put("a", "2");
      await kv.delete("b");
      await env.pass(1000 + env.capabilities.ttlResolutionMs);
      const { values, bytes, lastRevision } = await kv.status();
      assert.deepEqual([values, bytes, lastRevision], [0, 0, 3]);
    },
  }),
  scenario("B8/exact", "after any writes the figures are exactly those of all kept entries", {
    async run(env) {
      const write = fc.record({
        key: fc.constantFrom("a", "b.c", "long-key"),
        op: fc.constantFrom("put", "put", "put", "delete", "purge", "purgeDeletes"),
        length: fc.nat(40),
      });
      const kv = await env.bucket({ history: 3 });
      for (const { key, op, length } of fc.sample(write, { seed: env.seed, numRuns: 80 })) {
        if (op === "put") await kv.put(key, new Uint8Array(length));
        else if (op === "delete") await kv.delete(key);
        else if (op === "purge") await kv.purge(key);
        else await kv.purgeDeletes({ olderThan: 0 });
        await of(`after ${op} ${key}`, () => assertExact(kv));
      }
    },
  }),
  scenario("B8/every-handle", "every handle of every manager sees the same status, of this moment", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const other = await (await env.open()).keyValue(kv.bucket);
      await kv.put("a", "1");
      await other.put("b", "2");
      assert.deepEqual(await statusFields(other), await statusFields(kv));
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 7, description: "changed" });
      const { config } = await other.status();
      assert.deepEqual([config.history, config.description], [7, "changed"], "the config as it is now");
      assert.deepEqual(await statusFields(other), await statusFields(kv));
    },
  }),
  scenario("B8/incarnation", "a bucket keeps its incarnation for life, and one created again has another", {
    requires: ({ bucketIncarnation }) => bucketIncarnation,
    async run(env) {
      const kv = await env.bucket();
      const { bucket } = kv;
      const { incarnation } = await kv.status();
      assert.notEqual(incarnation, "");
      await kv.put("a", "1");
      await kv.purge("a");
      await env.manager.updateKeyValue({ bucket, history: 5 });
      const other = await env.open();
      assert.equal((await (await other.keyValue(bucket)).status()).incarnation, incarnation);
      const seen = new Set([incarnation, (await (await env.bucket()).status()).incarnation]);
      assert.equal(seen.size, 2, "another bucket has another");
      for (const manager of [env.manager, other, env.manager]) {
        await manager.deleteKeyValue(bucket);
        const again = await manager.createKeyValue({ bucket });
        const next = (await again.status()).incarnation;
        assert.ok(!seen.has(next), "no incarnation comes twice");
        seen.add(next);
      }
    },
  }),
  scenario("B8/listed", "keyValueStores gives every bucket's status, and says where figures are estimates", {
    async run(env) {
      const manager = await (await env.fresh()).open();
      const first = await manager.createKeyValue({ bucket: "first", history: 3, description: "one" });
      const second = await manager.createKeyValue(
        offered(env.capabilities, { bucket: "second", history: 2, metadata: { a: "b" } }),
      );
      await first.put("a", "123");
      await first.delete("a");
      await second.put("b", "1");
      const listed = await collect(manager.keyValueStores());
      assert.equal(listed.length, 2);
      for (const [index, kv] of [first, second].entries()) {
        const status = listed[index];
        assert.ok(status !== undefined);
        const { values, bytes, approximate } = status;
        const estimated = approximate ? { values, bytes } : {};
        assert.deepEqual(fieldsOf(status), { ...(await statusFields(kv)), ...estimated, approximate });
        assert.equal(typeof approximate, "boolean");
      }
    },
  }),
  scenario("B8/callers-objects", "changing a config or metadata that was given changes no bucket", {
    requires: ({ metadata }) => metadata,
    async run(env) {
      const metadata: Record<string, string> = { owner: "suite" };
      const config = { bucket: env.bucketName(), history: 2, metadata };
      const kv = await env.manager.createKeyValue(config);
      metadata["owner"] = "changed";
      config.history = 50;
      const status = await kv.status();
      assert.deepEqual([status.history, { ...status.metadata }], [2, { owner: "suite" }]);
      Reflect.set(status.metadata, "owner", "changed");
      Reflect.set(status.config, "history", 50);
      const again = await kv.status();
      assert.deepEqual([again.config.history, { ...again.metadata }], [2, { owner: "suite" }]);
    },
    async runWithout(env) {
      const config = { bucket: env.bucketName(), metadata: { owner: "suite" } };
      await rejects("UNSUPPORTED", env.manager.createKeyValue(config));
      await rejects("UNSUPPORTED", env.manager.createOrUpdateKeyValue(config));
      const kv = await env.bucket({ metadata: {} });
      await rejects("UNSUPPORTED", env.manager.updateKeyValue({ ...config, bucket: kv.bucket }));
      assert.deepEqual((await kv.status()).metadata, {});
    },
  }),
];
