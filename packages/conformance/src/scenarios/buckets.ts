import assert from "node:assert/strict";
import type { KeyValueConfig, KeyValueManager } from "@revkv/api";
import { refuses, stateOf } from "../bucket-state.ts";
import { bucketCalls } from "../every-call.ts";
import { brief, collect, eventually, of, rejects, within } from "../expect.ts";
import { inParallel } from "../load.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

type Settings = Omit<KeyValueConfig, "bucket">;

/** For each field of a config: a bucket's, and others that are not the same. */
function differences({ capabilities }: ScenarioEnv): Record<string, readonly [own: Settings, ...others: Settings[]]> {
  return {
    description: [{ description: "one" }, { description: "two" }, { description: "" }, {}],
    history: [{ history: 2 }, { history: 3 }, {}, { history: null }],
    ttl: [{ ttl: 60_000 }, { ttl: 60_001 }, {}],
    maxValueSize: [{ maxValueSize: 100 }, { maxValueSize: 101 }, {}],
    maxBytes: [{ maxBytes: 1000 }, { maxBytes: 999 }, {}],
    metadata: [
      { metadata: { owner: "a" } },
      { metadata: { owner: "b" } },
      { metadata: { Owner: "a" } },
      { metadata: { owner: "a", more: "" } },
      { metadata: {} },
      {},
    ],
    "nothing given": [{}, { history: 2 }, { ttl: 1000 }, { description: "one" }, { metadata: { owner: "a" } }],
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

/** Buckets as such: creating, opening, listing and deleting them (rules B2, B3, B7, B11, B12, M2, M9). */
export const bucketScenarios: readonly Scenario[] = [
  scenario("B2/same-config", "creating a bucket again with the same config opens it, with what is in it", {
    async run(env) {
      const bucket = env.bucketName();
      const config: KeyValueConfig = {
        bucket,
        description: "same",
        history: 5,
        ttl: 60_000,
        maxValueSize: 100,
        maxBytes: 10_000,
        metadata: { b: "2", a: "1" },
        ...(env.capabilities.limitMarkers ? { limitMarkerTtl: 2000 } : {}),
      };
      const first = await env.manager.createKeyValue(config);
      await first.put("key", "value");
      const second = await env.manager.createKeyValue({ ...config, metadata: { a: "1", b: "2" }, compression: null });
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
        const before = await kv.status();
        for (const other of others) {
          const again = () => env.manager.createKeyValue({ ...other, bucket: kv.bucket });
          await of(`${field}: ${JSON.stringify(other)}`, () => rejects("BUCKET_EXISTS", again()));
        }
        assert.deepEqual(await kv.status(), before);
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

  scenario("B7/none", "a storage without buckets lists none", {
    async run(env) {
      const [manager] = await pair(env);
      assert.deepEqual(await collect(manager.keyValueStoreNames()), []);
      assert.deepEqual(await collect(manager.keyValueStores()), []);
    },
  }),
  scenario("B7/five", "5 buckets are listed in the order of their names, by name and by status", {
    async run(env) {
      const [manager, other] = await pair(env);
      const sorted = ["-b", "0b", "Bucket", "_b", "bucket"];
      for (const bucket of ["bucket", "_b", "0b", "Bucket", "-b"]) await manager.createKeyValue({ bucket, history: 7 });
      assert.deepEqual(await collect(manager.keyValueStoreNames()), sorted);
      assert.deepEqual(await collect(other.keyValueStoreNames()), sorted);
      const stores = await collect(other.keyValueStores());
      assert.deepEqual(
        stores.map(({ bucket, history }) => [bucket, history]),
        sorted.map((bucket) => [bucket, 7]),
      );
    },
  }),
  scenario("B7/1025", "1,025 buckets are listed each once and in order, by name and by status", {
    async run(env) {
      const [manager] = await pair(env);
      const names = Array.from({ length: 1025 }, (_, index) => `b${index}`);
      await inParallel(names.length, 16, (index) => manager.createKeyValue({ bucket: names[index] ?? "" }));
      names.sort();
      assert.deepEqual(await collect(manager.keyValueStoreNames()), names);
      const stores = await collect(manager.keyValueStores());
      assert.deepEqual(
        stores.map(({ bucket }) => bucket),
        names,
      );
    },
  }),
  scenario("B7/left-early", "a listing may be left early and begun again, also while another is being read", {
    async run(env) {
      const [manager] = await pair(env);
      for (const bucket of ["a", "b", "c"]) await manager.createKeyValue({ bucket });
      for await (const name of manager.keyValueStoreNames()) {
        assert.equal(name, "a");
        assert.deepEqual(await collect(manager.keyValueStoreNames()), ["a", "b", "c"]);
        break;
      }
      for await (const { bucket } of manager.keyValueStores()) {
        assert.equal(bucket, "a");
        break;
      }
      assert.deepEqual(await collect(manager.keyValueStoreNames()), ["a", "b", "c"]);
    },
  }),
  scenario("B7/changing", "while buckets come and go, those that stay are listed each once", {
    async run(env) {
      const [manager, other] = await pair(env);
      const staying = Array.from({ length: 40 }, (_, index) => `stays-${index}`).sort();
      for (const bucket of staying) await manager.createKeyValue({ bucket });
      for (const list of [
        () => manager.keyValueStoreNames(),
        async function* () {
          for await (const { bucket } of manager.keyValueStores()) yield bucket;
        },
      ]) {
        const seen: string[] = [];
        for await (const name of list()) {
          seen.push(name);
          if (seen.length % 8 !== 1) continue;
          await other.createKeyValue({ bucket: `${name}-comes` });
          await other.createKeyValue({ bucket: `a-comes-${seen.length}` });
        }
        assert.deepEqual(
          seen.filter((name) => !name.includes("comes")),
          staying,
        );
        assert.equal(new Set(seen).size, seen.length, "no bucket is listed twice");
        for await (const name of manager.keyValueStoreNames()) {
          if (name.includes("comes")) await other.deleteKeyValue(name);
        }
        assert.deepEqual(await collect(manager.keyValueStoreNames()), staying);
      }
    },
  }),

  scenario("B11/every-call", "whatever is asked of a handle on a deleted bucket is BUCKET_NOT_FOUND", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      await kv.put("key", "value");
      assert.equal((await other.get("key"))?.string(), "value");
      await env.manager.deleteKeyValue(kv.bucket);
      for (const handle of [kv, other]) {
        for (const { name, invoke } of bucketCalls(handle, env.capabilities)) {
          await of(name, () => rejects("BUCKET_NOT_FOUND", invoke()));
        }
      }
    },
  }),
  scenario("B11/re-created", "a handle on the old bucket neither reads nor writes the new one of the same name", {
    requires: ({ bucketIncarnation }) => bucketIncarnation,
    async run(env) {
      const old = await env.bucket();
      const { bucket } = old;
      const otherManager = await env.open();
      const otherOld = await otherManager.keyValue(bucket);
      await old.put("key", "old");
      await env.manager.deleteKeyValue(bucket);
      const fresh = await otherManager.createKeyValue({ bucket });
      assert.equal(await fresh.get("key"), null, "the new bucket is empty");
      assert.equal(await fresh.put("key", "new"), 1);
      const before = await stateOf(fresh);
      for (const handle of [old, otherOld]) {
        for (const { name, invoke } of bucketCalls(handle, env.capabilities)) {
          await of(name, () => rejects("BUCKET_NOT_FOUND", invoke()));
        }
      }
      assert.deepEqual(await stateOf(fresh), before, "the old handles changed nothing");
      assert.equal(await (await env.manager.keyValue(bucket)).put("key", "newer"), 2);
    },
  }),
  scenario("B11/others-unharmed", "deleting a bucket leaves every other bucket as it was", {
    async run(env) {
      const [kv, other] = [await env.bucket({ history: 3 }), await env.bucket({ history: 3 })];
      for (const handle of [kv, other]) {
        await handle.put("key", "one");
        await handle.delete("key");
      }
      const before = await stateOf(other);
      await env.manager.deleteKeyValue(kv.bucket);
      assert.deepEqual(await stateOf(other), before);
    },
  }),
  scenario("B11/deleted-once", "of several deletions of a bucket at the same time one succeeds", {
    async run(env) {
      const kv = await env.bucket();
      const managers = [env.manager, await env.open(), await env.open()];
      const outcomes = await Promise.allSettled(managers.map((manager) => manager.deleteKeyValue(kv.bucket)));
      const refused = outcomes.filter((outcome) => outcome.status === "rejected");
      assert.equal(refused.length, managers.length - 1);
      for (const { reason } of refused) await rejects("BUCKET_NOT_FOUND", Promise.reject(reason));
    },
  }),
  scenario("B11/during-writes", "each write that races with the deletion succeeds or is BUCKET_NOT_FOUND", {
    async run(env) {
      const kv = await env.bucket();
      const puts = Array.from({ length: 50 }, (_, index) => kv.put(`key${index}`, "value"));
      const deleted = env.manager.deleteKeyValue(kv.bucket);
      const outcomes = await Promise.allSettled(puts);
      await deleted;
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") await rejects("BUCKET_NOT_FOUND", Promise.reject(outcome.reason));
      }
      const fresh = await env.manager.createKeyValue({ bucket: kv.bucket });
      assert.deepEqual(await fresh.keys(), [], "nothing of it is in a new bucket of that name");
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
        managers.map((manager, index) => manager.createOrUpdateKeyValue({ ...changes[index], bucket })),
      );
      const { config } = await (await env.manager.keyValue(bucket)).status();
      assert.deepEqual(
        config,
        {
          bucket,
          history: 4,
          description: "raced",
          maxValueSize: 10,
          maxBytes: 1000,
          compression: false,
          metadata: { raced: "yes" },
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

  scenario("M2/removed", "revisions rise on, whatever was purged or removed for good", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      assert.equal(await kv.put("a", "1"), 1);
      assert.equal(await kv.put("b", "2"), 2);
      assert.equal(await kv.purge("b"), 3);
      assert.equal(await kv.delete("a"), 4);
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 3);
      assert.deepEqual((await stateOf(kv)).entries, []);
      assert.equal((await kv.status()).lastRevision, 4);
      assert.equal(await kv.put("a", "5"), 5);
      assert.equal(await kv.purgeAll(), 1);
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal(await (await (await env.open()).keyValue(kv.bucket)).put("a", "7"), 7);
    },
  }),
  scenario("M2/expired", "revisions rise on when everything in the bucket has expired", {
    async run(env) {
      const kv = await env.bucket({ ttl: 1000 });
      assert.equal(await kv.put("a", "1"), 1);
      assert.equal(await kv.put("b", "2"), 2);
      await env.pass(1000 + env.capabilities.ttlResolutionMs);
      assert.deepEqual(await kv.keys(), []);
      await eventually("the removal of what expired", async () => (await kv.status()).values === 0);
      assert.equal((await kv.status()).lastRevision, 2);
      assert.equal(await kv.put("c", "3"), 3);
    },
  }),
  scenario("M2/re-opened", "revisions rise on for a manager that opens the storage later", {
    async run(env) {
      const first = await env.open();
      const bucket = env.bucketName();
      const kv = await first.createKeyValue({ bucket });
      await kv.put("a", "1");
      await kv.purge("a");
      await kv.purgeDeletes({ olderThan: 0 });
      await first.close();
      const again = await (await env.open()).keyValue(bucket);
      assert.equal((await again.status()).lastRevision, 2);
      assert.equal(await again.put("a", "3"), 3);
    },
  }),
  scenario("M2/config-changed", "revisions rise on when the config changes", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      const updated = await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1, maxBytes: 100 });
      assert.equal(await updated.put("a", "4"), 4);
      assert.equal(await kv.put("a", "5"), 5);
    },
  }),
  scenario("M2/re-created", "a bucket that is deleted and created again is empty and begins at 1", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      await kv.delete("b");
      await env.manager.deleteKeyValue(kv.bucket);
      const fresh = await env.manager.createKeyValue({ bucket: kv.bucket });
      const { lastRevision, compactedTo, values, bytes, history } = await fresh.status();
      assert.deepEqual(
        { lastRevision, compactedTo, values, bytes, history },
        { lastRevision: 0, compactedTo: 0, values: 0, bytes: 0, history: 1 },
      );
      assert.equal(await fresh.put("a", "new"), 1);
      assert.deepEqual((await fresh.history("a")).map(brief), ["1 PUT a=new"]);
      assert.equal(await fresh.getRevision("a", 3), null);
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
