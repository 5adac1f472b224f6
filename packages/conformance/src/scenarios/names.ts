import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import fc from "fast-check";
import { firstOf } from "../every-call.ts";
import { allReject, collect, of, read, rejects, throughNull } from "../expect.ts";
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

const badFilters: readonly unknown[] = [
  "",
  " ",
  "foo*",
  "*foo",
  "f*o",
  "foo>",
  "a.>.b",
  ">.a",
  ">.>",
  "a.**",
  "a.>>",
  ".",
  ".a",
  "a.",
  "a..b",
  "*.",
  ".*",
  ".>",
  "a b",
  "a.?",
  "a\n",
  "*\n",
  "é.*",
  "a:b.>",
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
  return {
    get: () => kv.get(key),
    getRevision: () => kv.getRevision(key, 1),
    getMany: () => kv.getMany([key]),
    "getMany behind a good key": () => kv.getMany(["good", key]),
    put: () => kv.put(key, "x"),
    putString: () => kv.putString(key, "x"),
    create: () => kv.create(key, "x"),
    update: () => kv.update(key, "x", 1),
    delete: () => kv.delete(key),
    "delete with a condition": () => kv.delete(key, { lastRevision: 1 }),
    purge: () => kv.purge(key),
    ...operations,
  };
}

/** Every call that takes a filter, with this one. */
function callsWithFilter(kv: KeyValue, filter: string | readonly string[]): Record<string, () => Promise<unknown>> {
  return {
    keys: () => kv.keys(filter),
    listKeys: () => firstOf(kv.listKeys(filter)),
    entries: () => firstOf(kv.entries(filter)),
    history: () => kv.history(filter),
    watch: () => kv.watch(filter),
    deleteAll: () => kv.deleteAll(filter),
    purgeAll: () => kv.purgeAll(filter),
  };
}

const refuses = (given: unknown, calls: Record<string, () => Promise<unknown>>): Promise<void> =>
  of(JSON.stringify(given) ?? "undefined", () => allReject("INVALID_KEY", calls));

async function put(kv: KeyValue, keys: readonly string[]): Promise<void> {
  for (const key of keys) await kv.put(key, key);
}

/** What a filter selects, worked out token by token and in no way like an adapter would. */
function selects(filter: readonly string[], key: readonly string[]): boolean {
  const [wanted, ...others] = filter;
  const [token, ...rest] = key;
  if (wanted === undefined || token === undefined) return wanted === undefined && token === undefined;
  if (wanted === ">") return true;
  return (wanted === "*" || wanted === token) && selects(others, rest);
}

/** The names of buckets and keys, and filters: rules B1, K1 and K2, and their part of B5. */
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
          (await kv.getMany([a, b])).map((entry) => entry?.string()),
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

  scenario("K2/bad-filters", "every call that takes a filter refuses a bad one with INVALID_KEY", {
    async run(env) {
      const kv = await env.bucket();
      await put(kv, ["foo", "a.b"]);
      for (const filter of badFilters) {
        await refuses(filter, callsWithFilter(kv, filter as string));
        await refuses([filter], callsWithFilter(kv, [filter as string]));
      }
      for (const filter of [[7], [null], [undefined], [["a"]]]) {
        await refuses(filter, callsWithFilter(kv, filter as unknown as string[]));
      }
      assert.deepEqual(await kv.keys(), ["a.b", "foo"], "nothing was deleted by a refused call");
    },
  }),
  scenario("K2/bad-among-good", "one bad filter in a list refuses the whole call", {
    requires: ({ multipleFilters }) => multipleFilters,
    async run(env) {
      const kv = await env.bucket();
      await put(kv, ["foo"]);
      await refuses(["foo", "foo*"], callsWithFilter(kv, ["foo", "foo*"]));
      assert.deepEqual(await kv.keys(), ["foo"]);
    },
  }),
  scenario("K2/before-the-storage", "a bad filter is noticed before the storage is asked", {
    async run(env) {
      const kv = await env.bucket();
      await env.manager.deleteKeyValue(kv.bucket);
      await refuses("a.>.b", callsWithFilter(kv, "a.>.b"));
    },
  }),
  scenario("K2/wildcards", "* stands for exactly one token, > at the end for one or more", {
    async run(env) {
      const kv = await env.bucket();
      const keys = ["a", "a.b", "a.b.c", "a.b.c.d", "b", "b.b", "foo.x.bar", "foo.bar", "x.b", "xa.b"];
      await put(kv, keys);
      const expected: Readonly<Record<string, readonly string[]>> = {
        ">": keys,
        "*": ["a", "b"],
        "a.*": ["a.b"],
        "a.>": ["a.b", "a.b.c", "a.b.c.d"],
        "a.b.>": ["a.b.c", "a.b.c.d"],
        "*.b": ["a.b", "b.b", "x.b", "xa.b"],
        "*.*": ["a.b", "b.b", "foo.bar", "x.b", "xa.b"],
        "*.>": ["a.b", "a.b.c", "a.b.c.d", "b.b", "foo.bar", "foo.x.bar", "x.b", "xa.b"],
        "foo.*.bar": ["foo.x.bar"],
        "*.*.>": ["a.b.c", "a.b.c.d", "foo.x.bar"],
        "*.b.*": ["a.b.c"],
        a: ["a"],
        "a.b": ["a.b"],
        "b.>": ["b.b"],
        "x.>": ["x.b"],
        "a.b.c.d.>": [],
        nothing: [],
        "nothing.*": [],
      };
      for (const [filter, matching] of Object.entries(expected)) {
        const sorted = [...matching].sort();
        assert.deepEqual(await kv.keys(filter), sorted, `keys(${filter})`);
        assert.deepEqual(await collect(kv.listKeys(filter)), sorted, `listKeys(${filter})`);
        const entries = await collect(kv.entries(filter));
        assert.deepEqual(
          entries.map(({ key }) => key),
          sorted,
          `entries(${filter})`,
        );
        const history = await kv.history(filter);
        assert.deepEqual(history.map(({ key }) => key).sort(), sorted, `history(${filter})`);
        const initial = await throughNull(await kv.watch(filter));
        assert.deepEqual(initial.map(({ key }) => key).sort(), sorted, `watch(${filter})`);
      }
    },
  }),
  scenario("K2/literal-characters", "- / _ = and letters in a filter stand for themselves only", {
    async run(env) {
      const kv = await env.bucket();
      await put(kv, ["a-b.x", "a/b.x", "a=b.x", "a_b.x", "a.b.x", "aXb.x", "A-b.x", "a-b", "a-bx"]);
      for (const prefix of ["a-b", "a/b", "a=b", "a_b", "A-b"]) {
        assert.deepEqual(await kv.keys(`${prefix}.*`), [`${prefix}.x`]);
        assert.deepEqual(await kv.keys(`${prefix}.>`), [`${prefix}.x`]);
        assert.deepEqual(await kv.keys(`${prefix}.x`), [`${prefix}.x`]);
      }
      assert.deepEqual(await kv.keys("a.>"), ["a.b.x"]);
    },
  }),
  scenario("K2/updates", "a filter selects updates as it selects what is there", {
    async run(env) {
      const kv = await env.bucket();
      const watchers = new Map<string, readonly string[]>([
        ["a.*", ["a.b"]],
        ["a.>", ["a.b", "a.b.c"]],
        ["*.b", ["a.b", "x.b"]],
        ["*", ["a", "last"]],
      ]);
      for (const [filter, expected] of watchers) {
        const reader = read(await kv.watch(filter, { updatesOnly: true }));
        await reader.throughNull();
        const before = (await kv.status()).lastRevision;
        await put(kv, ["a", "a.b", "a.b.c", "x.b", "last"]);
        for (const key of expected) {
          const entry = await reader.entry();
          assert.equal(entry.key, key, `watch(${filter})`);
          assert.ok(entry.revision > before);
        }
        await reader.watcher.stop();
        assert.deepEqual(await reader.ended(), [], `watch(${filter}) gives nothing else`);
      }
    },
  }),
  scenario("K2/random", "random filters select what comparing token by token selects", {
    async run(env) {
      const kv = await env.bucket();
      const token = fc.constantFrom("a", "b", "ab", "a-", "=", "Z");
      const anyKey = fc.array(token, { minLength: 1, maxLength: 4 });
      const anyFilter = fc
        .tuple(
          fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 3 }),
          fc.oneof(token, fc.constantFrom("*", ">")),
        )
        .map(([first, last]) => [...first, last]);
      const keys = [...new Set(fc.sample(anyKey, { seed: env.seed, numRuns: 60 }).map((tokens) => tokens.join(".")))];
      await Promise.all(keys.map((key) => kv.put(key, key)));
      for (const tokens of fc.sample(anyFilter, { seed: env.seed, numRuns: 60 })) {
        const filter = tokens.join(".");
        const expected = keys.filter((key) => selects(tokens, key.split("."))).sort();
        assert.deepEqual(await kv.keys(filter), expected, `keys(${filter})`);
        const initial = await throughNull(await kv.watch(filter));
        assert.deepEqual(initial.map(({ key }) => key).sort(), expected, `watch(${filter})`);
      }
    },
  }),
];
