import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import fc from "fast-check";
import { firstOf } from "../every-call.ts";
import { allReject, collect, of, read, throughNull } from "../expect.ts";
import { matches } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

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

/** What filters are, and what they select (rule K2). */
export const filterScenarios: readonly Scenario[] = [
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
        const expected = keys.filter((key) => matches(filter, key)).sort();
        assert.deepEqual(await kv.keys(filter), expected, `keys(${filter})`);
        const initial = await throughNull(await kv.watch(filter));
        assert.deepEqual(initial.map(({ key }) => key).sort(), expected, `watch(${filter})`);
      }
    },
  }),
];
