import assert from "node:assert/strict";
import type { KeyValueConfig } from "@revkv/api";
import { everyRead, fill, numbered } from "../bucket-state.ts";
import { allReject, brief, of, read, rejects, throughNull } from "../expect.ts";
import { hour, outlive } from "../expiry.ts";
import { offered } from "../offered.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";
import { settingsOf, statusFields } from "../status-fields.ts";

type Settings = Omit<KeyValueConfig, "bucket">;

/** A config in which every field that the adapter knows is set. */
function fullConfig({ capabilities }: ScenarioEnv): Settings {
  return offered(capabilities, {
    description: "full",
    history: 5,
    ttl: 600_000,
    maxValueSize: 1000,
    maxBytes: 100_000,
    metadata: { owner: "suite", "": "empty name" },
    limitMarkerTtl: 5000,
  });
}

const notWholeNumbers: readonly unknown[] = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", true, {}, [5], 5n];

/** What is not allowed in a config, field by field. */
const badSettings: Readonly<Record<string, readonly unknown[]>> = {
  history: [...notWholeNumbers, 65, 1000],
  ttl: [...notWholeNumbers, Number.MAX_SAFE_INTEGER + 1],
  limitMarkerTtl: [...notWholeNumbers, 1, 999, 1000.5, Number.MAX_SAFE_INTEGER + 1],
  maxValueSize: [...notWholeNumbers, Number.MAX_SAFE_INTEGER + 1],
  maxBytes: [...notWholeNumbers, Number.MAX_SAFE_INTEGER + 1],
  description: [5, true, {}, []],
  compression: ["yes", 1, 0, {}],
  metadata: ["text", 5, true, ["a"], { a: 1 }, { a: null }, { a: undefined }, { a: { b: "c" } }],
};

/** The config of a bucket, and its changes (rules B4, B5, B6). */
export const bucketConfigScenarios: readonly Scenario[] = [
  scenario("B4/each-field", "an update changes the fields that it gives and leaves the others alone", {
    async run(env) {
      const own = fullConfig(env);
      const { bucket } = await env.bucket(own);
      const kv = await env.manager.keyValue(bucket);
      await kv.put("key", "value");
      const changes: readonly Settings[] = [
        {},
        { description: "changed" },
        { history: 7 },
        { ttl: 700_000 },
        { maxValueSize: 70 },
        ...[{ maxBytes: 7000 }, { metadata: { owner: "changed" } }, { limitMarkerTtl: 7000 }].map((change) =>
          offered<Settings>(env.capabilities, change),
        ),
      ];
      let expected = { metadata: {}, ...own, bucket, compression: false };
      for (const change of changes) {
        expected = { ...expected, ...change } as typeof expected;
        await of(JSON.stringify(change), async () => {
          const updated = await env.manager.updateKeyValue({ ...change, bucket });
          assert.deepEqual(settingsOf(await updated.status()), expected);
          assert.deepEqual(settingsOf(await kv.status()), expected, "for a handle from before too");
        });
      }
      assert.equal((await kv.get("key"))?.string(), "value");
      assert.equal(await kv.put("key", "again"), 2);
    },
  }),
  scenario("B4/null-resets", "null sets a field back to its default, undefined leaves it alone", {
    async run(env) {
      const own = fullConfig(env);
      const { bucket } = await env.bucket(own);
      const untouched = Object.fromEntries(Object.keys(own).map((name) => [name, undefined]));
      await env.manager.updateKeyValue({ ...untouched, bucket });
      const kv = await env.manager.keyValue(bucket);
      let expected: Record<string, unknown> = { metadata: {}, ...own, bucket, compression: false };
      assert.deepEqual(settingsOf(await kv.status()), expected);
      for (const [name, fallback] of [
        ["description", undefined],
        ["history", 1],
        ["ttl", undefined],
        ["maxValueSize", undefined],
        ["maxBytes", undefined],
        ["metadata", {}],
      ] as const) {
        await env.manager.updateKeyValue({ bucket, [name]: null });
        const { [name]: _, ...others } = expected;
        expected = fallback === undefined ? others : { ...others, [name]: fallback };
        assert.deepEqual(settingsOf(await kv.status()), expected, name);
      }
    },
  }),
  scenario("B4/refused-whole", "an update with one bad field changes nothing", {
    async run(env) {
      const kv = await env.bucket({ history: 2, description: "kept" });
      const before = await statusFields(kv);
      const bad: Settings = { description: "new", history: 5, ttl: -1 };
      await rejects("INVALID_CONFIG", env.manager.updateKeyValue({ ...bad, bucket: kv.bucket }));
      await rejects("INVALID_CONFIG", env.manager.createOrUpdateKeyValue({ ...bad, bucket: kv.bucket }));
      assert.deepEqual(await statusFields(kv), before);
    },
  }),
  scenario("B4/at-the-same-time", "updates of different fields at the same time all take effect", {
    async run(env) {
      const { bucket } = await env.bucket();
      const other = await env.open();
      for (let round = 1; round <= 8; round += 1) {
        await Promise.all([
          env.manager.updateKeyValue({ bucket, history: round }),
          other.updateKeyValue({ bucket, ttl: 100_000 + round }),
          env.manager.createOrUpdateKeyValue({ bucket, maxValueSize: 1000 + round }),
          other.updateKeyValue({ bucket, description: `round ${round}` }),
        ]);
        const kv = await env.manager.keyValue(bucket);
        assert.deepEqual(settingsOf(await kv.status()), {
          bucket,
          history: round,
          ttl: 100_000 + round,
          maxValueSize: 1000 + round,
          description: `round ${round}`,
          compression: false,
          metadata: {},
        });
      }
    },
  }),
  scenario("B4/create-or-update", "createOrUpdate creates with defaults, and updates like an update", {
    async run(env) {
      const bucket = env.bucketName();
      const created = await env.manager.createOrUpdateKeyValue({ bucket, maxValueSize: 500, description: null });
      assert.deepEqual(settingsOf(await created.status()), {
        bucket,
        history: 1,
        maxValueSize: 500,
        compression: false,
        metadata: {},
      });
      await created.put("key", "value");
      const updated = await env.manager.createOrUpdateKeyValue({ bucket, history: 3, maxValueSize: null });
      assert.deepEqual(settingsOf(await updated.status()), { bucket, history: 3, compression: false, metadata: {} });
      assert.equal((await updated.get("key"))?.string(), "value");
      assert.equal(await created.put("key", "again"), 2);
      assert.equal((await updated.history("key")).length, 2);
      const same = await env.manager.createOrUpdateKeyValue({ bucket });
      assert.equal((await same.status()).history, 3, "without fields nothing is changed");
    },
  }),
  scenario("B4/compression-fixed", "compression cannot be changed later", {
    requires: ({ compression }) => compression,
    async run(env) {
      for (const compression of [true, false]) {
        const { bucket } = await env.bucket({ compression });
        await rejects("INVALID_CONFIG", env.manager.updateKeyValue({ bucket, compression: !compression }));
        await rejects("INVALID_CONFIG", env.manager.createOrUpdateKeyValue({ bucket, compression: !compression }));
        const kv = await env.manager.updateKeyValue({ bucket, compression, history: 2 });
        const { isCompressed, history } = await kv.status();
        assert.deepEqual([isCompressed, history], [compression, 2]);
      }
    },
    async runWithout(env) {
      const bucket = env.bucketName();
      await rejects("UNSUPPORTED", env.manager.createKeyValue({ bucket, compression: true }));
      await rejects("UNSUPPORTED", env.manager.createOrUpdateKeyValue({ bucket, compression: true }));
      await rejects("BUCKET_NOT_FOUND", env.manager.keyValue(bucket));
      const kv = await env.manager.createKeyValue({ bucket, compression: false });
      assert.equal((await kv.status()).isCompressed, false);
    },
  }),

  scenario("B5/bad-settings", "a value that a config cannot have is INVALID_CONFIG, whoever is given it", {
    async run(env) {
      const existing = await env.bucket();
      const before = await statusFields(existing);
      const missing = env.bucketName();
      for (const [name, values] of Object.entries(badSettings)) {
        for (const value of values) {
          const config = { [name]: value } as Settings;
          await of(`${name}: ${typeof value === "bigint" ? "5n" : JSON.stringify(value)}`, async () => {
            await rejects("INVALID_CONFIG", env.manager.createKeyValue({ ...config, bucket: missing }));
            await rejects("INVALID_CONFIG", env.manager.createOrUpdateKeyValue({ ...config, bucket: missing }));
            await rejects("INVALID_CONFIG", env.manager.updateKeyValue({ ...config, bucket: existing.bucket }));
            await rejects("INVALID_CONFIG", env.manager.createOrUpdateKeyValue({ ...config, bucket: existing.bucket }));
          });
        }
      }
      await rejects("BUCKET_NOT_FOUND", env.manager.keyValue(missing));
      assert.deepEqual(await statusFields(existing), before);
    },
  }),
  scenario("B5/before-the-storage", "a bad config is noticed before the storage is asked", {
    async run({ manager, bucketName }) {
      await rejects("INVALID_CONFIG", manager.updateKeyValue({ bucket: bucketName(), history: 0 }));
    },
  }),
  scenario("B5/unknown-field", "a field that no config has is INVALID_CONFIG, and so is what is no object", {
    async run({ manager, bucketName, bucket }) {
      const existing = (await bucket()).bucket;
      const fields: readonly Record<string, unknown>[] = [{ shards: 1 }, { History: 5 }, { max_bytes: undefined }];
      const configs: readonly unknown[] = [
        ...[undefined, null, "name", 5],
        ...fields.map((field) => ({ ...field, bucket: bucketName() })),
        ...fields.map((field) => ({ ...field, bucket: existing })),
      ];
      for (const config of configs as KeyValueConfig[]) {
        await of(JSON.stringify(config) ?? "undefined", () =>
          allReject("INVALID_CONFIG", {
            createKeyValue: () => manager.createKeyValue(config),
            updateKeyValue: () => manager.updateKeyValue(config),
            createOrUpdateKeyValue: () => manager.createOrUpdateKeyValue(config),
          }),
        );
      }
    },
  }),
  scenario("B5/extremes", "the least and the greatest values are accepted and work", {
    async run(env) {
      const greatest = Number.MAX_SAFE_INTEGER;
      const most = { history: 64, ttl: greatest, maxValueSize: greatest, maxBytes: greatest };
      const kv = await env.bucket(offered(env.capabilities, most));
      assert.equal(await kv.put("key", "value"), 1);
      assert.equal((await kv.get("key"))?.string(), "value");
      assert.equal((await throughNull(await kv.watchAll())).length, 1);
      const { bucket } = kv;
      assert.deepEqual(settingsOf(await kv.status()), {
        ...offered(env.capabilities, most),
        bucket,
        compression: false,
        metadata: {},
      });

      const least = await env.bucket(offered(env.capabilities, { history: 1, ttl: 1, maxValueSize: 1, maxBytes: 2 }));
      assert.equal(await least.put("k", "v"), 1);
      await env.pass(1 + env.capabilities.ttlResolutionMs);
      assert.equal(await least.get("k"), null);
    },
  }),
  scenario("B5/capability-numbers", "what else is capped is a number, and what exceeds it is refused", {
    async run(env) {
      const { maxValueBytes, maxOperations, maxFilters, transactions, multipleFilters } = env.capabilities;
      for (const cap of [maxValueBytes, maxOperations, maxFilters]) assert.ok(cap >= 1 && !Number.isNaN(cap));
      const kv = await env.bucket({ history: 1 });
      // More than this would not show anything else, and would cost a lot of memory.
      if (maxValueBytes <= 2 ** 26) {
        assert.equal(await kv.put("large", new Uint8Array(maxValueBytes)), 1);
        assert.equal((await kv.get("large"))?.value.length, maxValueBytes);
        const tooLarge = new Uint8Array(maxValueBytes + 1);
        await rejects("VALUE_TOO_LARGE", kv.put("large", tooLarge));
        await rejects("VALUE_TOO_LARGE", kv.create("larger", tooLarge));
        await rejects("VALUE_TOO_LARGE", kv.update("large", tooLarge, 1));
        assert.equal((await kv.status()).lastRevision, 1);
      }
      if (transactions && maxOperations <= 100_000) {
        const operations = numbered("key", maxOperations).map((key) => ({ op: "put", key, value: "x" }) as const);
        assert.equal((await kv.transaction(operations)).length, maxOperations);
        const { lastRevision } = await kv.status();
        await rejects("UNSUPPORTED", kv.transaction([...operations, { op: "put", key: "more", value: "x" }]));
        assert.equal((await kv.status()).lastRevision, lastRevision);
      }
      if (multipleFilters && maxFilters <= 100_000) {
        const filters = numbered("filter", maxFilters);
        assert.deepEqual(await kv.keys(filters), []);
        await rejects("UNSUPPORTED", kv.keys([...filters, "more"]));
        await rejects("UNSUPPORTED", kv.watch([...filters, "more"]));
      }
    },
  }),

  scenario("B6/lowered", "once history was lowered, no read shows more than it", {
    async run(env) {
      const kv = await env.bucket({ history: 4 });
      const other = await (await env.open()).keyValue(kv.bucket);
      for (const value of ["1", "2", "3", "4"]) await kv.put("a", value);
      await kv.put("b", "5");
      await kv.delete("b");
      await kv.put("c", "7");
      assert.equal((await other.history("a")).length, 4);
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 2 });
      for (const handle of [kv, other]) {
        const kept = ["3 PUT a=3", "4 PUT a=4", "5 PUT b=5", "6 DEL b", "7 PUT c=7"];
        assert.deepEqual((await handle.history(">")).map(brief), kept);
        const initial = await throughNull(await handle.watchAll({ includeHistory: true }));
        assert.deepEqual(initial.map(brief), kept);
        const resumed = await throughNull(await handle.watchAll({ resumeFromRevision: 1 }));
        assert.deepEqual(resumed.map(brief), kept);
        for (const revision of [1, 2]) assert.equal(await handle.getRevision("a", revision), null);
        const { values, bytes, history } = await handle.status();
        assert.deepEqual([values, bytes, history], [5, 9, 2]);
      }
      assert.deepEqual(
        (await kv.history("a")).map(({ delta }) => delta),
        [1, 0],
      );
    },
  }),
  scenario("B6/lowered-to-one", "lowering history to 1 leaves every key its newest entry, be it a marker", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      await kv.put("live", "1");
      await kv.delete("live");
      await kv.put("live", "3");
      await kv.put("gone", "4");
      await kv.put("gone", "5");
      await kv.delete("gone");
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1 });
      assert.deepEqual((await kv.history(">")).map(brief), ["3 PUT live=3", "6 DEL gone"]);
      for (const [way, entry] of await everyRead(env, kv, "gone", 5)) assert.equal(entry, null, way);
      assert.equal((await kv.get("live"))?.revision, 3);
      await rejects("REVISION_MISMATCH", kv.update("gone", "7", 5), { key: "gone", expected: 5, actual: 6 });
    },
  }),
  scenario("B6/lowered-many", "lowering history holds at once for every one of many keys", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      const keys = numbered("key", 1000);
      for (const value of ["1", "2", "3"]) await fill(kv, keys, value);
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1 });
      const { values, bytes } = await kv.status();
      assert.deepEqual([values, bytes], [1000, 1000 * "key0000".length + 1000]);
      const initial = await throughNull(await kv.watchAll({ includeHistory: true }));
      assert.deepEqual(
        initial.map(({ key, revision }) => [key, revision > 2000]).sort(),
        keys.map((key) => [key, true]),
      );
    },
  }),
  scenario("B6/lowered-while-watched", "a watcher that has not read yet is not given what history dropped", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      const reader = read(await kv.watchAll({ includeHistory: true }));
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1 });
      assert.deepEqual((await reader.throughNull()).map(brief), ["3 PUT a=3"]);
      await reader.watcher.stop();
    },
  }),
  scenario("B6/raised", "raising history brings nothing back and keeps more from then on", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1 });
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 3 });
      assert.deepEqual((await kv.history("a")).map(brief), ["3 PUT a=3"]);
      assert.equal((await kv.status()).values, 1);
      for (const value of ["4", "5", "6"]) await kv.put("a", value);
      assert.deepEqual((await kv.history("a")).map(brief), ["4 PUT a=4", "5 PUT a=5", "6 PUT a=6"]);
    },
  }),
  scenario("B6/raised-many", "what history dropped from many keys stays dropped when it is raised at once", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const keys = numbered("key", 1500);
      for (const value of ["1", "2"]) await fill(kv, keys, value);
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1 });
      await env.manager.updateKeyValue({ bucket: kv.bucket, history: 64 });
      assert.equal((await kv.history(">")).length, keys.length);
      assert.equal((await kv.status()).values, keys.length);
    },
  }),
  scenario("B6/marker-ttl", "limitMarkerTtl is 1,000 ms or more, may come later, and never goes", {
    requires: ({ limitMarkers }) => limitMarkers,
    async run(env) {
      const { bucket } = await env.bucket();
      const { manager } = env;
      await manager.updateKeyValue({ bucket, limitMarkerTtl: null });
      const kv = await manager.updateKeyValue({ bucket, limitMarkerTtl: 1000 });
      for (const limitMarkerTtl of [null, 999, 0]) {
        await rejects("INVALID_CONFIG", manager.updateKeyValue({ bucket, limitMarkerTtl }));
        await rejects("INVALID_CONFIG", manager.createOrUpdateKeyValue({ bucket, limitMarkerTtl }));
      }
      assert.equal((await kv.status()).limitMarkerTtl, 1000);
      await manager.updateKeyValue({ bucket, limitMarkerTtl: 2000 });
      await manager.updateKeyValue({ bucket, description: "something else" });
      assert.equal((await kv.status()).limitMarkerTtl, 2000);
    },
    async runWithout(env) {
      const bucket = env.bucketName();
      await rejects("UNSUPPORTED", env.manager.createKeyValue({ bucket, limitMarkerTtl: 1000 }));
      await env.manager.createKeyValue({ bucket });
      await rejects("UNSUPPORTED", env.manager.updateKeyValue({ bucket, limitMarkerTtl: 1000 }));
    },
  }),
  scenario("B6/marker-ttl-later", "a bucket that gets limitMarkerTtl later has expiry markers from then on", {
    requires: ({ limitMarkers, perKeyTtl }) => limitMarkers && perKeyTtl,
    async run(env) {
      const kv = await env.bucket();
      await kv.put("before", "1");
      await rejects("INVALID_ARGUMENT", kv.put("key", "2", { ttl: 1000 }));
      const reader = read(await kv.watchAll({ updatesOnly: true }));
      await reader.throughNull();
      await env.manager.updateKeyValue({ bucket: kv.bucket, limitMarkerTtl: hour });
      await kv.put("key", "2", { ttl: 500 });
      await outlive(env, 500);
      const seen = await reader.until("the expiry marker", ({ reason }) => reason === "expired");
      assert.equal(seen.map(brief).at(-1), "3 PURGE key expired");
      assert.deepEqual(await kv.keys(), ["before"]);
    },
  }),
];
