import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { getTogether } from "../bucket-state.ts";
import { exactlyOne } from "../contest.ts";
import { collect, eventually } from "../expect.ts";
import { inParallel, randomNumbers, range } from "../load.ts";
import { revisions } from "../recorder.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** A bucket through several managers. */
async function handles(env: ScenarioEnv, count: number, history = 1): Promise<[KeyValue, ...KeyValue[]]> {
  const kv = await env.bucket({ history });
  const others = await inParallel(count - 1, count, async () => (await env.open()).keyValue(kv.bucket));
  return [kv, ...others];
}

const conditions: readonly Scenario[] = [
  scenario("O5/twenty-deletes", "of 20 concurrent conditional deletes and purges exactly one succeeds", {
    async run(env) {
      const kvs = await handles(env, 4, 5);
      const [kv] = kvs;
      const lastRevision = await kv.put("key", "x");
      const remove = (handle: KeyValue, index: number): Promise<number> =>
        index % 2 === 0 ? handle.delete("key", { lastRevision }) : handle.purge("key", { lastRevision });
      const winner = await exactlyOne(kvs, remove, "REVISION_MISMATCH", (actual) => ({
        key: "key",
        expected: lastRevision,
        actual,
      }));
      assert.equal(winner, lastRevision + 1);
      assert.equal(await kv.get("key"), null);
    },
  }),

  scenario("O10/transfers", "concurrent transfers between accounts neither make money nor lose any", {
    requires: (capabilities) => capabilities.transactions,
    async run(env) {
      const kvs = await handles(env, 3);
      const [kv] = kvs;
      const accounts = range(1, 5).map((number) => `account.${number}`);
      await kv.transaction(accounts.map((key) => ({ op: "put", key, value: "100" })));
      const random = randomNumbers(env.seed);
      let transferring = true;
      const audits = audit(env, kv, accounts, () => transferring);
      await inParallel(6, 6, async (worker) => {
        const own = kvs[worker % kvs.length] ?? kvs[0];
        for (let done = 0; done < 15; done += 1) await transfer(env, own, accounts, random);
      });
      transferring = false;
      await audits;
      assert.equal(await balance(env, kv, accounts), 500);
    },
  }),
];

/** Moves some money, on condition that neither account has changed meanwhile. */
async function transfer(
  env: ScenarioEnv,
  kv: KeyValue,
  accounts: readonly string[],
  random: (limit: number) => number,
): Promise<void> {
  const from = accounts[random(accounts.length)] ?? "";
  const to = accounts[random(accounts.length)] ?? "";
  if (from === to) return;
  const amount = 1 + random(20);
  for (;;) {
    const [payer, payee] = await getTogether(env.capabilities, kv, [from, to]);
    assert.ok(payer && payee, "accounts are always there");
    const left = Number(payer.string()) - amount;
    if (left < 0) return;
    try {
      await kv.transaction([
        { op: "update", key: from, value: String(left), lastRevision: payer.revision },
        { op: "update", key: to, value: String(Number(payee.string()) + amount), lastRevision: payee.revision },
      ]);
      return;
    } catch (error) {
      if (!isKeyValueError(error, "REVISION_MISMATCH")) throw error;
    }
  }
}

/** Adds up all accounts while money is moved: no reader sees a part of a transaction (rules O9, O10). */
async function audit(
  env: ScenarioEnv,
  kv: KeyValue,
  accounts: readonly string[],
  goesOn: () => boolean,
): Promise<void> {
  if (!env.capabilities.snapshotReads) return;
  await eventually("the transfers to end", async () => {
    assert.equal(await balance(env, kv, accounts), 500);
    return !goesOn();
  });
}

async function balance(env: ScenarioEnv, kv: KeyValue, accounts: readonly string[]): Promise<number> {
  const entries = await getTogether(env.capabilities, kv, accounts);
  return entries.reduce((sum, entry) => sum + Number(entry?.string()), 0);
}

const order: readonly Scenario[] = [
  scenario("M1/dense", "concurrent writes of every kind take every revision once, and refused ones take none", {
    async run(env) {
      const kvs = await handles(env, 3, 5);
      const random = randomNumbers(env.seed);
      const results = await inParallel(400, 20, async (index) => {
        const kv = kvs[index % kvs.length] ?? kvs[0];
        const key = `key.${random(10)}`;
        try {
          switch (random(5)) {
            case 0:
              return await kv.delete(key);
            case 1:
              return await kv.purge(key);
            case 2:
              return await kv.create(key, `${index}`);
            case 3:
              return await kv.update(key, `${index}`, 1 + random(100));
            default:
              return await kv.put(key, `${index}`);
          }
        } catch (error) {
          if (!isKeyValueError(error, "REVISION_MISMATCH") && !isKeyValueError(error, "KEY_EXISTS")) throw error;
          return undefined;
        }
      });
      const given = results.filter((revision) => revision !== undefined).sort((a, b) => a - b);
      assert.deepEqual(given, range(1, given.length));
      assert.equal((await kvs[0].status()).lastRevision, given.length);
    },
  }),

  scenario("M1/dense-transactions", "transactions among other writes take consecutive revisions", {
    requires: (capabilities) => capabilities.transactions,
    async run(env) {
      const kvs = await handles(env, 2, 5);
      const results = await inParallel(150, 15, async (index) => {
        const kv = kvs[index % kvs.length] ?? kvs[0];
        if (index % 3 === 0) return [await kv.put("plain", `${index}`)];
        const written = await kv.transaction([
          { op: "put", key: `a.${index % 5}`, value: "x" },
          { op: "delete", key: `b.${index % 5}` },
          { op: "put", key: "shared", value: `${index}` },
        ]);
        assert.deepEqual(written, range(written[0] ?? 0, (written[0] ?? 0) + 2));
        return written;
      });
      const given = results.flat().sort((a, b) => a - b);
      assert.deepEqual(given, range(1, given.length));
    },
  }),

  scenario("M3/one-after-the-other", "a write that began after another had resolved has the higher revision", {
    async run(env) {
      const kvs = await handles(env, 3);
      let resolved = 0;
      await inParallel(300, 12, async (index) => {
        const kv = kvs[index % kvs.length] ?? kvs[0];
        const before = resolved;
        const revision = await kv.put(`key.${index % 7}`, `${index}`);
        assert.ok(revision > before, `revision ${revision} was given after ${before} had been`);
        resolved = Math.max(resolved, revision);
      });
    },
  }),

  scenario("M3/readers", "what a reader has seen, no later reader sees undone", {
    requires: (capabilities) => capabilities.readAfterWrite,
    async run(env) {
      const kvs = await handles(env, 3);
      const keys = ["a", "b", "c"];
      const seen = new Map<string, number>();
      let writing = true;
      const readers = inParallel(3, 3, async (reader) => {
        const kv = kvs[reader] ?? kvs[0];
        await eventually("the writers to finish", async () => {
          for (const key of keys) {
            const before = seen.get(key) ?? 0;
            const revision = (await kv.get(key))?.revision ?? 0;
            assert.ok(revision >= before, `${key} was at ${before} and is at ${revision}`);
            seen.set(key, Math.max(revision, seen.get(key) ?? 0));
          }
          return !writing;
        });
      });
      await inParallel(300, 6, (index) => (kvs[index % 3] ?? kvs[0]).put(keys[index % 3] ?? "", `${index}`));
      writing = false;
      await readers;
    },
  }),

  scenario("M8/other-handles", "what a write resolved to is seen at once through every handle, by every kind of read", {
    requires: (capabilities) => capabilities.readAfterWrite,
    async run(env) {
      const kvs = await handles(env, 3, 5);
      await inParallel(60, 4, async (index) => {
        const key = `key.${index}`;
        const writer = kvs[index % 3] ?? kvs[0];
        const reader = kvs[(index + 1) % 3] ?? kvs[0];
        const revision = await writer.put(key, `${index}`);
        assert.equal((await reader.get(key))?.revision, revision);
        assert.equal((await reader.getRevision(key, revision))?.string(), `${index}`);
        assert.deepEqual(revisions(await reader.history(key)), [revision]);
        assert.deepEqual(await reader.keys(key), [key]);
        assert.deepEqual(revisions(await collect(reader.entries(key))), [revision]);
        const [many] = await getTogether(env.capabilities, reader, [key]);
        assert.equal(many?.revision, revision);
        assert.ok((await reader.status()).lastRevision >= revision);
        const marker = await writer.delete(key);
        assert.equal(await reader.get(key), null);
        assert.deepEqual(revisions(await reader.history(key)), [revision, marker]);
      });
    },
  }),
];

/** Many callers at once, in one process: O3 to O5, O10, M1, M3, M8. */
export const concurrencyScenarios: readonly Scenario[] = [...conditions, ...order];
