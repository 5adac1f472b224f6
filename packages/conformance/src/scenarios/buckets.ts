import assert from "node:assert/strict";
import type { KeyValueConfig, KeyValueManager } from "@revkv/api";
import { refuses } from "../bucket-state.ts";
import { brief, collect, of, rejects, within } from "../expect.ts";
import { offered } from "../offered.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";
import { settingsOf, statusFields } from "../status-fields.ts";

type Settings = Omit<KeyValueConfig, "bucket">;

/** For each field of a config: a bucket's, and others that are not the same. */
function differences({ capabilities }: ScenarioEnv): Record<string, readonly [own: Settings, ...others: Settings[]]> {
  return {
    description: [{ description: "one" }, { description: "two" }, { description: "" }, {}],
    history: [{ history: 2 }, { history: 3 }, {}, { history: null }],
    ttl: [{ ttl: 60_000 }, { ttl: 60_001 }, {}],
    maxValueSize: [{ maxValueSize: 100 }, { maxValueSize: 101 }, {}],
    "nothing given": [{}, { history: 2 }, { ttl: 1000 }, { description: "one" }, { maxValueSize: 10 }],
    ...(capabilities.maxBytes ? { maxBytes: [{ maxBytes: 1000 }, { maxBytes: 999 }, {}] as const } : {}),
    ...(capabilities.metadata
      ? {
          metadata: [
            { metadata: { owner: "a" } },
            { metadata: { owner: "b" } },
            { metadata: { Owner: "a" } },
            { metadata: { owner: "a", more: "" } },
            { metadata: {} },
            {},
          ] as const,
        }
      : {}),
    ...(capabilities.limitMarkers
      ? { limitMarkerTtl: [{ limitMarkerTtl: 1000 }, { limitMarkerTtl: 1001 }, {}] as const }
      : {}),
    ...(capabilities.compression ? { compression: [{ compression: true }, { compression: false }, {}] as const } : {}),
  };
}

/** Two managers on a storage that nobody else uses. */
async function pair(env: ScenarioEnv): Promise<readonly [KeyValueManager, KeyValueManager]> {
  const storage = await env.fresh();
  return [await storage.open(), await storage.open()];
}

/** Creating and opening buckets, by one manager and by several (rules B2, B3, B12, M9). */
export const bucketScenarios: readonly Scenario[] = [
  scenario("B2/same-config", "creating a bucket again with the same config opens it, with what is in it", {
    async run(env) {
      const bucket = env.bucketName();
      const config: KeyValueConfig = offered(env.capabilities, {
        bucket,
        description: "same",
        history: 5,
        ttl: 60_000,
        maxValueSize: 100,
        maxBytes: 10_000,
        metadata: { b: "2", a: "1" },
        limitMarkerTtl: 2000,
      });
      const first = await env.manager.createKeyValue(config);
      await first.put("key", "value");
      const reordered = offered(env.capabilities, { ...config, metadata: { a: "1", b: "2" }, compression: null });
      const second = await env.manager.createKeyValue(reordered);
      assert.equal((await second.get("key"))?.string(), "value");
      assert.equal(await second.put("key", "again"), 2);
      assert.equal((await first.get("key"))?.string(), "again");
    },
  }),
  scenario("B2/normalised", "what is left out, null and the default are the same config", {
    async run(env) {
      const bucket = env.bucketName();
      const kv = await env.manager.createKeyValue({ bucket });
      await kv.put("key", "value");
      const same: Settings[] = [
        {},
        { history: 1 },
        { compression: false },
        { metadata: {} },
        { description: undefined, history: undefined, ttl: undefined, metadata: undefined },
        {
          description: null,
          history: null,
          ttl: null,
          limitMarkerTtl: null,
          maxValueSize: null,
          maxBytes: null,
          compression: null,
          metadata: null,
        },
      ];
      for (const config of same) {
        const again = await of(JSON.stringify(config), () => env.manager.createKeyValue({ ...config, bucket }));
        assert.equal((await again.get("key"))?.string(), "value");
      }
    },
  }),
  scenario("B2/other-config", "creating a bucket again with any field different is BUCKET_EXISTS and changes nothing", {
    async run(env) {
      for (const [field, [own, ...others]] of Object.entries(differences(env))) {
        const kv = await env.bucket(own);
        await kv.put("key", "value");
        const before = await statusFields(kv);
        for (const other of others) {
          const again = () => env.manager.createKeyValue({ ...other, bucket: kv.bucket });
          await of(`${field}: ${JSON.stringify(other)}`, () => rejects("BUCKET_EXISTS", again()));
        }
        assert.deepEqual(await statusFields(kv), before);
        assert.equal((await kv.get("key"))?.string(), "value");
      }
    },
  }),
  scenario("B2/current-config", "creating compares with the bucket's current config, not with its first", {
    async run(env) {
      const { bucket } = await env.bucket({ history: 2, description: "first" });
      const other = await env.open();
      await other.updateKeyValue({ bucket, history: 5, description: null });
      await env.manager.createKeyValue({ bucket, history: 5 });
      await rejects("BUCKET_EXISTS", env.manager.createKeyValue({ bucket, history: 2, description: "first" }));
    },
  }),
  scenario("B3/missing", "opening, updating or deleting a bucket that is not there is BUCKET_NOT_FOUND, at once", {
    async run({ manager, bucketName }) {
      const bucket = bucketName();
      const calls = {
        keyValue: () => manager.keyValue(bucket),
        updateKeyValue: () => manager.updateKeyValue({ bucket, history: 2 }),
        "updateKeyValue without a change": () => manager.updateKeyValue({ bucket }),
        deleteKeyValue: () => manager.deleteKeyValue(bucket),
      };
      for (const [name, call] of Object.entries(calls)) {
        await of(name, () => within("an answer at once", rejects("BUCKET_NOT_FOUND", call()), 2500));
      }
    },
  }),
  scenario("B3/not-created", "asking for a bucket that is not there does not create it", {
    async run(env) {
      const [manager] = await pair(env);
      await rejects("BUCKET_NOT_FOUND", manager.keyValue("missing"));
      await rejects("BUCKET_NOT_FOUND", manager.updateKeyValue({ bucket: "missing", history: 2 }));
      await rejects("BUCKET_NOT_FOUND", manager.deleteKeyValue("missing"));
      assert.deepEqual(await collect(manager.keyValueStoreNames()), []);
    },
  }),
  scenario("B3/deleted", "a deleted bucket is not there any more, for any manager", {
    async run(env) {
      const { bucket } = await env.bucket();
      const other = await env.open();
      await other.keyValue(bucket);
      await env.manager.deleteKeyValue(bucket);
      for (const manager of [env.manager, other]) {
        await rejects("BUCKET_NOT_FOUND", manager.keyValue(bucket));
        await rejects("BUCKET_NOT_FOUND", manager.updateKeyValue({ bucket, history: 2 }));
        await rejects("BUCKET_NOT_FOUND", manager.deleteKeyValue(bucket));
      }
    },
  }),
  scenario("B3/other-name", "a bucket whose name only begins like another's is not that one", {
    async run(env) {
      const { bucket } = await env.bucket();
      await rejects("BUCKET_NOT_FOUND", env.manager.keyValue(`${bucket}x`));
      await rejects("BUCKET_NOT_FOUND", env.manager.keyValue(bucket.slice(0, -1)));
      await rejects("BUCKET_NOT_FOUND", env.manager.deleteKeyValue(`${bucket}x`));
      await env.manager.keyValue(bucket);
    },
  }),
  scenario("B12/same-bucket", "managers that create one bucket at the same time all succeed, with one bucket", {
    async run(env) {
      const storage = await env.fresh();
      const managers = await Promise.all(Array.from({ length: 6 }, () => storage.open()));
      const handles = await Promise.all(managers.map((manager) => manager.createKeyValue({ bucket: "b", history: 9 })));
      const revisions = await Promise.all(handles.map((kv, index) => kv.put("key", String(index))));
      assert.deepEqual(
        revisions.toSorted((a, b) => a - b),
        [1, 2, 3, 4, 5, 6],
      );
      for (const kv of handles) assert.equal((await kv.history("key")).length, 6);
    },
  }),
  scenario("B12/create-or-update", "managers that create or update one bucket at the same time all succeed", {
    async run(env) {
      const bucket = env.bucketName();
      const managers = await Promise.all(Array.from({ length: 5 }, () => env.open()));
      const changes: readonly Settings[] = [
        { history: 4 },
        { description: "raced" },
        { maxValueSize: 10 },
        { maxBytes: 1000 },
        { metadata: { raced: "yes" } },
      ];
      await Promise.all(
        managers.map((manager, index) =>
          manager.createOrUpdateKeyValue(offered(env.capabilities, { ...changes[index], bucket })),
        ),
      );
      const kv = await env.manager.keyValue(bucket);
      assert.deepEqual(
        settingsOf(await kv.status()),
        {
          bucket,
          compression: false,
          metadata: {},
          ...offered(env.capabilities, Object.assign({}, ...changes) as Settings),
        },
        "no change is lost",
      );
    },
  }),
  scenario(
    "B12/other-configs",
    "of different configs created at the same time one wins, the others are BUCKET_EXISTS",
    {
      async run(env) {
        const bucket = env.bucketName();
        const managers = await Promise.all(Array.from({ length: 4 }, () => env.open()));
        const outcomes = await Promise.allSettled(
          managers.map((manager, index) => manager.createKeyValue({ bucket, history: 2 + index })),
        );
        const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
        const refused = outcomes.filter((outcome) => outcome.status === "rejected");
        assert.equal(refused.length, managers.length - 1);
        for (const { reason } of refused) await rejects("BUCKET_EXISTS", Promise.reject(reason));
        assert.equal((await (await env.manager.keyValue(bucket)).status()).history, 2 + winner);
      },
    },
  ),
  scenario("B12/empty-storage", "managers that start on an empty storage at the same time all succeed", {
    async run(env) {
      const storage = await env.fresh();
      const start = async (bucket: string): Promise<void> => {
        const manager = await storage.open();
        await manager.createKeyValue({ bucket });
      };
      await Promise.all(["a", "b", "c", "d"].map(start));
      assert.deepEqual(await collect((await storage.open()).keyValueStoreNames()), ["a", "b", "c", "d"]);
    },
  }),
  scenario("M9/buckets", "buckets that one manager creates, changes or deletes are so for every other", {
    async run(env) {
      const [one, two] = await pair(env);
      const kv = await one.createKeyValue({ bucket: "shared", history: 3 });
      const same = await two.keyValue("shared");
      await rejects("BUCKET_EXISTS", two.createKeyValue({ bucket: "shared", history: 4 }));
      await two.updateKeyValue({ bucket: "shared", history: 2, description: "by two" });
      const { history, config } = await kv.status();
      assert.deepEqual([history, config.description], [2, "by two"]);
      for (const value of ["1", "2", "3"]) await kv.put("key", value);
      assert.deepEqual((await same.history("key")).map(brief), ["2 PUT key=2", "3 PUT key=3"]);
      await two.deleteKeyValue("shared");
      await rejects("BUCKET_NOT_FOUND", one.keyValue("shared"));
      assert.deepEqual(await collect(one.keyValueStoreNames()), []);
    },
  }),
  scenario("M9/conditions", "a condition is judged by what every manager wrote", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      const first = await kv.create("key", "1");
      await refuses("KEY_EXISTS", other, () => other.create("key", "2"), { key: "key", revision: first });
      const second = await other.update("key", "2", first);
      await refuses("REVISION_MISMATCH", kv, () => kv.update("key", "3", first), {
        key: "key",
        expected: first,
        actual: second,
      });
      assert.equal(await kv.delete("key", { lastRevision: second }), 3);
    },
  }),
];
