import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { getTogether } from "../bucket-state.ts";
import { allReject, collect, of, rejects } from "../expect.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const badBucketNames: readonly unknown[] = [
  "",
  " ",
  "a b",
  " a",
  "a\n",
  "a.b",
  "a/b",
  "a*",
  "*",
  ">",
  "é",
  "a:b",
  "a=b",
  "a\u0000",
  "a'; drop table a; --",
  undefined,
  null,
  7,
  {},
  ["a"],
];

const goodKeys: readonly string[] = [
  "foo",
  "_foo",
  "-foo",
  "=foo",
  "/foo",
  "foo/",
  "//",
  "123",
  "0",
  "a/b/c",
  "a.b.c",
  "a=b",
  "-",
  "_",
  "=",
  "/",
  "a.-.b",
  "=.=",
  "__proto__",
  "constructor",
  "a__proto__.toString",
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_=.end",
];

const badKeys: readonly unknown[] = [
  "",
  " x",
  "x ",
  "x y",
  "x!",
  "x\n",
  "\nx",
  "x\u0000",
  "*",
  ">",
  "x.*",
  "x.>",
  ".x",
  "x.",
  ".",
  "..",
  "a..b",
  "é",
  "a:b",
  "a\\b",
  "a%b",
  "a'b",
  "😀",
  undefined,
  null,
  0,
  7,
  true,
  {},
  ["x"],
  new Uint8Array([120]),
];

/** Every call that takes a key, with this one. */
function callsWithKey(kv: KeyValue, given: unknown, env: ScenarioEnv): Record<string, () => Promise<unknown>> {
  const key = given as string;
  const operations = env.capabilities.transactions
    ? {
        "transaction put": () => kv.transaction([{ op: "put", key, value: "x" }]),
        "transaction create": () => kv.transaction([{ op: "create", key, value: "x" }]),
        "transaction update": () => kv.transaction([{ op: "update", key, value: "x", lastRevision: 1 }]),
        "transaction delete": () => kv.transaction([{ op: "delete", key }]),
        "transaction purge": () => kv.transaction([{ op: "purge", key }]),
        "transaction check": () => kv.transaction([{ op: "check", key, lastRevision: null }]),
        "second operation": () =>
          kv.transaction([
            { op: "put", key: "good", value: "x" },
            { op: "put", key, value: "x" },
          ]),
      }
    : {};
  const manyKeys = env.capabilities.snapshotReads
    ? {
        getMany: () => kv.getMany([key]),
        "getMany behind a good key": () => kv.getMany(["good", key]),
      }
    : {};
  return {
    get: () => kv.get(key),
    getRevision: () => kv.getRevision(key, 1),
    put: () => kv.put(key, "x"),
    putString: () => kv.putString(key, "x"),
    create: () => kv.create(key, "x"),
    update: () => kv.update(key, "x", 1),
    delete: () => kv.delete(key),
    "delete with a condition": () => kv.delete(key, { lastRevision: 1 }),
    purge: () => kv.purge(key),
    ...manyKeys,
    ...operations,
  };
}

const refuses = (given: unknown, calls: Record<string, () => Promise<unknown>>): Promise<void> =>
  of(JSON.stringify(given) ?? "undefined", () => allReject("INVALID_KEY", calls));

async function put(kv: KeyValue, keys: readonly string[]): Promise<void> {
  for (const key of keys) await kv.put(key, key);
}

/** The names of buckets and keys (rules B1 and K1, and their part of B5). */
export const nameScenarios: readonly Scenario[] = [
  scenario("B1/good-names", "a bucket's name may be of letters, digits, - and _, in any place", {
    async run(env) {
      const storage = await env.fresh();
      const manager = await storage.open();
      const good = ["a", "Z", "0", "_", "-", "--", "-x-", "a_B-9", "__proto__", "constructor", "toString", "table"];
      for (const bucket of good) {
        const kv = await manager.createKeyValue({ bucket });
        assert.equal(kv.bucket, bucket);
        await kv.put("name", bucket);
      }
      for (const bucket of good) {
        const kv = await manager.keyValue(bucket);
        assert.equal((await kv.get("name"))?.string(), bucket, `the bucket ${bucket} has what was put into it`);
      }
      assert.deepEqual(await collect(manager.keyValueStoreNames()), [...good].sort());
    },
  }),
  scenario("B1/case", "names of buckets that differ in case only are different buckets", {
    async run(env) {
      const manager = await (await env.fresh()).open();
      const lower = await manager.createKeyValue({ bucket: "abc" });
      const upper = await manager.createKeyValue({ bucket: "ABC", history: 5 });
      await lower.put("key", "lower");
      assert.equal(await upper.get("key"), null);
      await manager.deleteKeyValue("abc");
      await upper.put("key", "upper");
      assert.equal((await upper.get("key"))?.string(), "upper");
    },
  }),
  scenario("B1/bad-names", "every call that takes a bucket's name refuses a bad one with INVALID_BUCKET_NAME", {
    async run({ manager }) {
      for (const given of badBucketNames) {
        const bucket = given as string;
        const calls = {
          keyValue: () => manager.keyValue(bucket),
          createKeyValue: () => manager.createKeyValue({ bucket }),
          updateKeyValue: () => manager.updateKeyValue({ bucket, history: 2 }),
          createOrUpdateKeyValue: () => manager.createOrUpdateKeyValue({ bucket }),
          deleteKeyValue: () => manager.deleteKeyValue(bucket),
        };
        await of(JSON.stringify(given) ?? "undefined", () => allReject("INVALID_BUCKET_NAME", calls));
      }
    },
  }),
  scenario(
    "B5/bucket-name-length",
    "bucket names of 128 characters work and are told apart by the last; 129 are refused",
    {
      async run(env) {
        const manager = await (await env.fresh()).open();
        const [a, b] = [`${"n".repeat(127)}a`, `${"n".repeat(127)}b`];
        const first = await manager.createKeyValue({ bucket: a });
        const second = await manager.createKeyValue({ bucket: b });
        assert.equal(await first.put("key", "a"), 1);
        assert.equal(await second.put("key", "b"), 1);
        assert.equal((await (await manager.keyValue(a)).get("key"))?.string(), "a");
        assert.equal((await second.status()).bucket, b);
        await rejects("INVALID_BUCKET_NAME", manager.createKeyValue({ bucket: `${b}x` }));
        await rejects("INVALID_BUCKET_NAME", manager.keyValue(`${b}x`));
      },
    },
  ),
  scenario("B5/key-length", "keys of 1,024 characters work and are told apart by the last; 1,025 are refused", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      const tokens = "token.".repeat(200).slice(0, 1023);
      for (const stem of ["k".repeat(1023), tokens]) {
        const [a, b] = [`${stem}a`, `${stem}b`];
        await kv.put(a, "a");
        await kv.put(b, "b");
        assert.deepEqual(
          (await getTogether(env.capabilities, kv, [a, b])).map((entry) => entry?.string()),
          ["a", "b"],
        );
        assert.deepEqual(await kv.keys([a]), [a]);
        assert.equal((await kv.history(b)).length, 1);
        await refuses("1,025 characters", callsWithKey(kv, `${a}x`, env));
      }
    },
  }),
  scenario("K1/good-keys", "every allowed character works in every place of a key", {
    async run(env) {
      const kv = await env.bucket();
      await put(kv, goodKeys);
      for (const key of goodKeys) {
        const entry = await kv.get(key);
        assert.equal(entry?.key, key);
        assert.equal(entry.string(), key, `the key ${key} has its own value`);
      }
      assert.deepEqual(await kv.keys(), [...goodKeys].sort());
    },
  }),
  scenario("K1/bad-keys", "every call that takes a key refuses a bad one with INVALID_KEY", {
    async run(env) {
      const kv = await env.bucket();
      for (const key of badKeys) await refuses(key, callsWithKey(kv, key, env));
    },
  }),
  scenario("K1/nothing-written", "a call that refuses its key writes nothing and uses no revision", {
    async run(env) {
      const kv = await env.bucket();
      await put(kv, ["x"]);
      for (const key of ["", "x.", ".x", "x.*"]) await refuses(key, callsWithKey(kv, key, env));
      assert.equal(await kv.put("x", "2"), 2);
      assert.deepEqual(await kv.keys(), ["x"]);
    },
  }),
  scenario("K1/before-the-storage", "a bad key is noticed before the storage is asked", {
    async run(env) {
      const kv = await env.bucket();
      await env.manager.deleteKeyValue(kv.bucket);
      await refuses("x.", callsWithKey(kv, "x.", env));
      await rejects("BUCKET_NOT_FOUND", kv.get("x"));
    },
  }),
];
