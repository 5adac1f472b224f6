import assert from "node:assert/strict";
import type { Operation } from "@revkv/api";
import { fill, misuse, refuses, stateOf } from "../bucket-state.ts";
import { bucketCalls, managerCalls } from "../every-call.ts";
import { allReject, brief, collect, of, rejects, throughNull } from "../expect.ts";
import { expiryMarkers, hour, lifetime } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";
import { settingsOf } from "../status-fields.ts";

/** What is an object, but no object with named fields. */
const containers: Readonly<Record<string, unknown>> = {
  "an empty array": [],
  "an array": ["a"],
  "an empty Map": new Map(),
  "a Map": new Map([["a", "b"]]),
  "a Date": new Date(0),
};

/** Makes a call, then changes what it was given, as soon as the call has returned its promise. */
async function changing<T>(call: () => Promise<T>, change: () => unknown): Promise<T> {
  const promise = call();
  change();
  return await promise;
}

const refused: readonly Scenario[] = [
  scenario("M6/detached", "bytes whose buffer was given away are no value", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("key", "value");
      const value = Uint8Array.from([1, 2, 3]);
      structuredClone(value, { transfer: [value.buffer] });
      await refuses("INVALID_ARGUMENT", kv, () => kv.put("key", value));
      await refuses("INVALID_ARGUMENT", kv, () => kv.create("new", value));
      await refuses("INVALID_ARGUMENT", kv, () => kv.update("key", value, 1));
      if (!env.capabilities.transactions) return;
      await refuses("INVALID_ARGUMENT", kv, () => kv.transaction([{ op: "put", key: "key", value }]));
    },
  }),

  scenario("E2/sparse-operations", "a list of operations with a hole is refused, and nothing beside it suffers", {
    requires: ({ transactions }) => transactions,
    async run(env) {
      const kv = await env.bucket();
      const put = (key: string): Operation => ({ op: "put", key, value: "x" });
      const hole = new Array<Operation>(3);
      hole[0] = put("first");
      hole[2] = put("last");
      for (const operations of [new Array<Operation>(1), hole]) {
        const before = kv.put("before", "x");
        const refusal = rejects("INVALID_ARGUMENT", kv.transaction(operations));
        const after = kv.transaction([put("after")]);
        await Promise.all([before, refusal, after]);
      }
      assert.deepEqual(await kv.keys(), ["after", "before"]);
      assert.equal((await kv.status()).lastRevision, 4);
    },
  }),

  scenario("E2/containers", "arrays, maps and dates are neither options nor metadata", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("key", "value");
      const before = await stateOf(kv);
      for (const [what, given] of Object.entries(containers)) {
        for (const { name, invoke } of [
          ...bucketCalls(kv, env.capabilities),
          ...managerCalls(env.manager, kv.bucket),
        ]) {
          await of(`${name} with ${what}`, () => rejects("INVALID_ARGUMENT", invoke(misuse(given))));
        }
        const metadata = misuse<Record<string, string>>(given);
        const config = { bucket: env.bucketName(), metadata };
        await of(`metadata that is ${what}`, () =>
          allReject("INVALID_CONFIG", {
            createKeyValue: () => env.manager.createKeyValue(config),
            createOrUpdateKeyValue: () => env.manager.createOrUpdateKeyValue(config),
            updateKeyValue: () => env.manager.updateKeyValue({ bucket: kv.bucket, metadata }),
          }),
        );
      }
      assert.deepEqual(await stateOf(kv), before);
    },
  }),
];

/** Whatever was given to a call may be changed once it has returned its promise (rule M6). */
const changedAfterTheCall: readonly Scenario[] = [
  scenario(
    "M6/config-changed-after-the-call",
    "changing a config after the call returned its promise changes nothing",
    {
      async run(env) {
        const { manager } = env;
        const bucket = env.bucketName();
        const hasMetadata = env.capabilities.metadata;
        const ofOwner = (owner: string): Record<string, string> => (hasMetadata ? { owner } : {});
        const config = { bucket, history: 2, metadata: ofOwner("suite") };
        const spoil = (): void => {
          Object.assign(config, { bucket: "other", history: 9 });
          Object.assign(config.metadata, { owner: "changed", more: "" });
        };
        const kv = await changing(() => manager.createKeyValue(config), spoil);
        const { history, metadata } = settingsOf(await kv.status());
        assert.deepEqual([kv.bucket, history, metadata], [bucket, 2, ofOwner("suite")]);
        for (const update of [manager.updateKeyValue, manager.createOrUpdateKeyValue]) {
          Object.assign(config, { bucket, history: 3, metadata: ofOwner("updated") });
          const updated = await changing(() => update.call(manager, config), spoil);
          const after = settingsOf(await updated.status());
          assert.deepEqual([updated.bucket, after.history, after.metadata], [bucket, 3, ofOwner("updated")]);
        }
      },
    },
  ),

  scenario("M6/filters-changed-after-the-call", "changing a list of filters or keys after the call changes nothing", {
    async run(env) {
      const { snapshotReads } = env.capabilities;
      const kv = await env.bucket();
      await fill(kv, ["a", "b"]);
      const calls: Readonly<Record<string, (list: string[]) => Promise<readonly (string | undefined)[]>>> = {
        keys: (list) => kv.keys(list),
        history: async (list) => keysOf(await kv.history(list)),
        watch: async (list) => keysOf(await throughNull(await kv.watch(list))),
        ...(snapshotReads ? { getMany: async (list: string[]) => keysOf(await kv.getMany(list)) } : {}),
      };
      for (const [name, call] of Object.entries(calls)) {
        const list = ["a"];
        const found = await changing(
          () => call(list),
          () => list.fill("b"),
        );
        assert.deepEqual(found, ["a"], name);
      }
      for (const remove of [kv.deleteAll, kv.purgeAll]) {
        await fill(kv, ["a", "b"]);
        const list = ["a"];
        await changing(
          () => remove.call(kv, list),
          () => list.fill("b"),
        );
        assert.deepEqual(await kv.keys(), ["b"]);
      }
    },
  }),

  scenario("M6/options-changed-after-the-call", "changing options after the call changes nothing", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      const hiding = (): { ignoreDeletes: boolean } => ({ ignoreDeletes: true });
      const ofHistory = hiding();
      const history = await changing(
        () => kv.history("a", ofHistory),
        () => Object.assign(ofHistory, { ignoreDeletes: false }),
      );
      assert.deepEqual(history.map(brief), ["1 PUT a=1"]);
      const ofWatch = hiding();
      const watcher = await changing(
        () => kv.watch("a", ofWatch),
        () => Object.assign(ofWatch, { ignoreDeletes: false }),
      );
      assert.deepEqual(await throughNull(watcher), []);
      const condition = { lastRevision: 1 };
      const refusal = changing(
        () => kv.delete("a", condition),
        () => Object.assign(condition, { lastRevision: 2 }),
      );
      await rejects("REVISION_MISMATCH", refusal, { key: "a", expected: 1, actual: 2 });
      const young = { olderThan: hour };
      const removed = await changing(
        () => kv.purgeDeletes(young),
        () => Object.assign(young, { olderThan: 0 }),
      );
      assert.equal(removed, 1, "what was behind the marker");
      assert.deepEqual((await kv.history("a")).map(brief), ["2 DEL a"]);
    },
  }),

  scenario("M6/ttl-changed-after-the-call", "changing a ttl after the call changes nothing", {
    requires: expiryMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: hour });
      const options: { ttl?: number } = { ttl: hour };
      await changing(
        () => kv.put("a", "1", options),
        () => Object.assign(options, { ttl: 2 * hour }),
      );
      assert.equal(lifetime(await kv.get("a")), hour);
    },
  }),

  scenario("M6/operations-changed-after-the-call", "changing operations or their list after the call changes nothing", {
    requires: ({ transactions }) => transactions,
    async run(env) {
      const kv = await env.bucket();
      const first = { op: "put", key: "a", value: "1" } as const;
      const operations: Operation[] = [first, { op: "put", key: "b", value: "2" }];
      const spoil = (): void => {
        Object.assign(first, { key: "c", value: "3" });
        operations.length = 1;
        operations.push({ op: "delete", key: "a" }, { op: "delete", key: "b" });
      };
      assert.deepEqual(await changing(() => kv.transaction(operations), spoil), [1, 2]);
      assert.deepEqual((await collect(kv.entries())).map(brief), ["1 PUT a=1", "2 PUT b=2"]);
    },
  }),
];

function keysOf(entries: readonly ({ readonly key: string } | null)[]): readonly (string | undefined)[] {
  return entries.map((entry) => entry?.key);
}

/** Arguments that are almost right, or are changed while a call is under way (rules M6, E2). */
export const oddArgumentScenarios: readonly Scenario[] = [...refused, ...changedAfterTheCall];
