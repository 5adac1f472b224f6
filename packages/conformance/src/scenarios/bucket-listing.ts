import assert from "node:assert/strict";
import type { KeyValueManager } from "@revkv/api";
import { collect } from "../expect.ts";
import { inParallel } from "../load.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Two managers on a storage that nobody else uses. */
async function pair(env: ScenarioEnv): Promise<readonly [KeyValueManager, KeyValueManager]> {
  const storage = await env.fresh();
  return [await storage.open(), await storage.open()];
}

/** Listing buckets (rule B7). */
export const bucketListingScenarios: readonly Scenario[] = [
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
];
