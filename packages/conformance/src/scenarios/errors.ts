import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { misuse, stateOf } from "../bucket-state.ts";
import type { Call, OptionName } from "../every-call.ts";
import { bucketCalls, firstOf, managerCalls } from "../every-call.ts";
import { allReject, brief, of, read, rejects, rejectsWith } from "../expect.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";
import { settingsOf } from "../status-fields.ts";
import { shown, wrongArguments } from "../wrong-arguments.ts";

/** For each option, what it cannot be. */
const badOptions: Readonly<Record<OptionName, readonly unknown[]>> = {
  ttl: [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1000", null, true, {}],
  lastRevision: [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, true],
  ignoreDeletes: ["yes", 1, 0, null, {}],
  metaOnly: ["yes", 1, 0, null, {}],
  includeHistory: ["yes", 1, 0, null, {}],
  updatesOnly: ["yes", 1, 0, null, {}],
  resumeFromRevision: [-1, 0.5, Number.NaN, "1", null, true],
  resumeIncarnation: [1, null, true, {}],
  olderThan: [-1, Number.NaN, Number.NEGATIVE_INFINITY, "0", null, true],
};

/** What is no options. */
const notOptions: readonly unknown[] = [null, 5, "text", true];

/** What is no signal. */
const notSignals: readonly unknown[] = [null, 5, "text", {}, new AbortController(), { aborted: false }];

/** Names that look like options of some call but are of none, or not of that call. */
const strangers = ["Signal", "timeout", "TTL", "expectedRevision", "bucket", "__proto__x"];

/** A bucket on which every option is possible, with one live key at revision 1. */
async function oneKey(env: ScenarioEnv): Promise<KeyValue> {
  const kv = await env.bucket(env.capabilities.limitMarkers ? { limitMarkerTtl: 60_000 } : {});
  await kv.put("key", "value");
  return kv;
}

function allCalls(kv: KeyValue, env: ScenarioEnv): readonly Call[] {
  return [...bucketCalls(kv, env.capabilities), ...managerCalls(env.manager, kv.bucket)];
}

/** How failures are reported, and what is refused before anything is done (rules E1, E2). */
export const errorScenarios: readonly Scenario[] = [
  scenario("E1/never-thrown", "a wrong argument rejects the promise of the call, which itself never throws", {
    async run(env) {
      const kv = await oneKey(env);
      const unknown = allCalls(kv, env).map((call) => [call.name, () => call.invoke({ unknown: 1 })] as const);
      for (const [name, invoke] of [...unknown, ...Object.entries(wrongArguments(kv, env))]) {
        let promise: Promise<unknown>;
        try {
          promise = invoke();
        } catch (cause) {
          throw new Error(`${name} throws instead of rejecting`, { cause });
        }
        await of(name, async () => {
          const error = await rejects("INVALID_ARGUMENT", promise);
          assert.ok(error instanceof Error);
          assert.notEqual(error.message, "");
        });
      }
    },
  }),
  scenario("E1/iterables", "asking for an iterable never throws; the first next() rejects, and then it is over", {
    async run(env) {
      const kv = await oneKey(env);
      const calls: Record<string, readonly [code: "INVALID_KEY" | "INVALID_ARGUMENT", () => AsyncIterable<unknown>]> = {
        listKeys: ["INVALID_KEY", () => kv.listKeys("a..b")],
        entries: ["INVALID_KEY", () => kv.entries("a..b")],
        "listKeys with options": ["INVALID_ARGUMENT", () => kv.listKeys(">", misuse({ unknown: 1 }))],
        "entries with options": ["INVALID_ARGUMENT", () => kv.entries(">", misuse({ unknown: 1 }))],
        keyValueStoreNames: ["INVALID_ARGUMENT", () => env.manager.keyValueStoreNames(misuse({ unknown: 1 }))],
        keyValueStores: ["INVALID_ARGUMENT", () => env.manager.keyValueStores(misuse({ unknown: 1 }))],
      };
      for (const [name, [code, list]] of Object.entries(calls)) {
        await of(name, async () => {
          const iterator = list()[Symbol.asyncIterator]();
          await rejects(code, iterator.next());
          assert.deepEqual(await iterator.next(), { done: true, value: undefined });
        });
      }
    },
  }),
  scenario("E1/unhandled", "a failure that nobody has asked for yet is no unhandled rejection", {
    exclusive: true,
    async run(env) {
      const unhandled: unknown[] = [];
      const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
      process.on("unhandledRejection", onUnhandled);
      try {
        const kv = await env.bucket();
        kv.listKeys("a..b");
        kv.listKeys("a..b")[Symbol.asyncIterator]();
        env.manager.keyValueStores(misuse({ unknown: 1 }))[Symbol.asyncIterator]();
        const aborted = new AbortController();
        const [unread, waiting] = [await kv.watchAll(), await kv.watchAll({ signal: aborted.signal })];
        const begun = read(await kv.watchAll());
        await begun.throughNull();
        aborted.abort(new Error("nobody reads this"));
        await env.manager.deleteKeyValue(kv.bucket);
        await begun.fails("BUCKET_NOT_FOUND");
        // Unhandled rejections are reported once the microtasks are done.
        await new Promise((resolve) => setImmediate(resolve));
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual(unhandled, []);
        await read(unread).fails("BUCKET_NOT_FOUND");
        await waiting.stop();
      } finally {
        process.off("unhandledRejection", onUnhandled);
      }
    },
  }),
  scenario("E1/own-call", "a failure rejects the call that failed and none beside it", {
    async run(env) {
      const kv = await env.bucket({ maxValueSize: 10 });
      await kv.put("taken", "x");
      const calls = Array.from({ length: 60 }, (_, index) => {
        if (index % 4 === 1) return kv.create("taken", "y");
        if (index % 4 === 2) return kv.update(`key${index}`, "y", 999);
        if (index % 4 === 3) return kv.put(`key${index}`, "far too long a value");
        return kv.put(`key${index}`, "y");
      });
      const codes = [undefined, "KEY_EXISTS", "REVISION_MISMATCH", "VALUE_TOO_LARGE"] as const;
      const outcomes = await Promise.allSettled(calls);
      outcomes.forEach((outcome, index) => {
        const code = codes[index % 4];
        if (code === undefined) assert.equal(outcome.status, "fulfilled");
        else assert.ok(outcome.status === "rejected" && isKeyValueError(outcome.reason, code), `${index}: ${code}`);
      });
      assert.equal((await kv.status()).lastRevision, 16);
    },
  }),
  scenario("E1/error-shape", "an error is an Error with name, message and code, and can be told by isKeyValueError", {
    async run(env) {
      const kv = await oneKey(env);
      const error: unknown = await kv.create("key", "x").catch((reason: unknown) => reason);
      assert.ok(error instanceof Error && isKeyValueError(error, "KEY_EXISTS"));
      assert.deepEqual([error.code, error.key, error.revision], ["KEY_EXISTS", "key", 1]);
      assert.ok(error.name !== "" && error.message !== "" && (error.stack ?? "") !== "");
      assert.equal(isKeyValueError(error, "BUCKET_EXISTS"), false);
    },
  }),
  scenario("E1/abort-reason", "an abort rejects with the signal's reason, whatever that is", {
    async run(env) {
      const kv = await oneKey(env);
      const before = await stateOf(kv);
      const settings = settingsOf(await kv.status());
      for (const reason of [new Error("mine"), "text", 0, Symbol("reason"), { any: "thing" }, null]) {
        for (const { name, invoke } of allCalls(kv, env)) {
          await of(name, () => rejectsWith(reason, invoke({ signal: AbortSignal.abort(reason) })));
        }
      }
      assert.deepEqual(await stateOf(kv), before, "an aborted call changes nothing");
      assert.deepEqual(settingsOf(await kv.status()), settings);
    },
  }),

  scenario("E2/unknown-options", "an option that a call does not have is INVALID_ARGUMENT", {
    async run(env) {
      const kv = await oneKey(env);
      const before = await stateOf(kv);
      const names = Object.keys(badOptions) as OptionName[];
      for (const { name, options, invoke } of allCalls(kv, env)) {
        const foreign = names.filter((option) => {
          const exists = options.includes(option);
          return !exists && (option !== "ttl" || env.capabilities.perKeyTtl);
        });
        for (const option of [...foreign, ...strangers]) {
          await of(`${name} ${option}`, async () => {
            await rejects("INVALID_ARGUMENT", invoke({ [option]: 1 }));
            await rejects("INVALID_ARGUMENT", invoke({ [option]: undefined }));
          });
        }
      }
      assert.deepEqual(await stateOf(kv), before);
    },
  }),
  scenario("E2/wrong-options", "an option of the wrong type or out of range is INVALID_ARGUMENT", {
    async run(env) {
      const kv = await oneKey(env);
      const before = await stateOf(kv);
      for (const { name, options, invoke } of allCalls(kv, env)) {
        for (const option of options) {
          for (const value of badOptions[option]) {
            await of(`${name} ${option}: ${shown(value)}`, () =>
              rejects("INVALID_ARGUMENT", invoke({ [option]: value })),
            );
          }
        }
        for (const signal of notSignals) {
          await of(`${name} signal: ${shown(signal)}`, () => rejects("INVALID_ARGUMENT", invoke({ signal })));
        }
        for (const given of notOptions) {
          await of(`${name} with ${shown(given)}`, () => rejects("INVALID_ARGUMENT", invoke(misuse(given))));
        }
      }
      assert.deepEqual(await stateOf(kv), before);
    },
  }),
  scenario("E2/wrong-arguments", "an argument of the wrong type or out of range is INVALID_ARGUMENT", {
    async run(env) {
      const kv = await oneKey(env);
      const before = await stateOf(kv);
      await allReject("INVALID_ARGUMENT", wrongArguments(kv, env));
      assert.deepEqual(await stateOf(kv), before, "what was refused changed nothing");
    },
  }),
  scenario("E2/before-the-storage", "what the arguments show to be wrong is refused before the storage is asked", {
    async run(env) {
      const kv = await env.bucket();
      await env.manager.deleteKeyValue(kv.bucket);
      await allReject("INVALID_ARGUMENT", wrongArguments(kv, env));
      for (const { name, invoke } of bucketCalls(kv, env.capabilities)) {
        await of(name, () => rejects("INVALID_ARGUMENT", invoke({ unknown: 1 })));
      }
      await rejects("BUCKET_NOT_FOUND", kv.get("key"));
    },
  }),
  scenario("E2/undefined-options", "an option that is undefined is as good as left out, and frozen options are fine", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("key", "value");
      for (const { name, options, invoke } of bucketCalls(kv, env.capabilities)) {
        const given: Record<string, undefined> = { signal: undefined };
        for (const option of options) if (option !== "lastRevision") given[option] = undefined;
        await of(name, () => invoke(Object.freeze(given)));
      }
    },
  }),
  scenario("E2/signal", "a signal that is not aborted does not stand in the way of any call", {
    async run(env) {
      const kv = await env.bucket();
      const { signal } = new AbortController();
      for (const { name, invoke } of allCalls(kv, env)) await of(name, () => invoke({ signal }));
      await rejects("BUCKET_NOT_FOUND", kv.get("key"));
    },
  }),
  scenario("E2/transactions", "transactions are refused where the adapter does not claim them", {
    requires: ({ transactions }) => transactions,
    async run(env) {
      const kv = await env.bucket();
      assert.deepEqual(await kv.transaction([{ op: "put", key: "key", value: "x" }]), [1]);
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await rejects("UNSUPPORTED", kv.transaction([{ op: "put", key: "key", value: "x" }]));
      assert.equal((await kv.status()).lastRevision, 0);
    },
  }),
  scenario("E2/ttl", "every write but delete takes a ttl where the adapter claims it", {
    requires: ({ perKeyTtl, limitMarkers }) => perKeyTtl && limitMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: 60_000 });
      assert.equal(await kv.put("put", "x", { ttl: 60_000 }), 1);
      assert.equal(await kv.create("create", "x", { ttl: 60_000 }), 2);
      assert.equal(await kv.update("put", "x", 1, { ttl: 60_000 }), 3);
      assert.equal(await kv.purge("put", { ttl: 60_000 }), 4);
    },
  }),
  scenario("E2/several-filters", "several filters are refused where the adapter does not claim them", {
    requires: ({ multipleFilters }) => multipleFilters,
    async run(env) {
      const kv = await env.bucket();
      assert.deepEqual(await kv.keys(["a", "b"]), []);
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await allReject("UNSUPPORTED", {
        keys: () => kv.keys(["a", "b"]),
        listKeys: () => firstOf(kv.listKeys(["a", "b"])),
        entries: () => firstOf(kv.entries(["a", "b"])),
        history: () => kv.history(["a", "b"]),
        watch: () => kv.watch(["a", "b"]),
        deleteAll: () => kv.deleteAll(["a", "b"]),
        purgeAll: () => kv.purgeAll(["a", "b"]),
      });
    },
  }),
  scenario(
    "E2/config-in-force",
    "what depends on the bucket's config is judged by the config of the moment of the write",
    {
      requires: ({ limitMarkers, perKeyTtl }) => limitMarkers && perKeyTtl,
      async run(env) {
        const kv = await env.bucket();
        const other = await env.open();
        await allReject("INVALID_ARGUMENT", {
          put: () => kv.put("key", "x", { ttl: 60_000 }),
          create: () => kv.create("key", "x", { ttl: 60_000 }),
          update: () => kv.update("key", "x", 0, { ttl: 60_000 }),
          purge: () => kv.purge("key", { ttl: 60_000 }),
        });
        assert.equal((await kv.status()).lastRevision, 0);
        await other.updateKeyValue({ bucket: kv.bucket, limitMarkerTtl: 60_000, maxValueSize: 3, maxBytes: 12 });
        assert.equal(await kv.put("key", "x", { ttl: 60_000 }), 1);
        await rejects("VALUE_TOO_LARGE", kv.put("key", "four"));
        await rejects("BUCKET_FULL", kv.put("longer-key", "x"));
        assert.deepEqual((await kv.history(">")).map(brief), ["1 PUT key=x"]);
      },
    },
  ),
];
