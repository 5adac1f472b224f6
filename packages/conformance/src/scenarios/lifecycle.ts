import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { KeyValueErrorCode, Operation } from "@revkv/api";
import { misuse, numbered, stateOf } from "../bucket-state.ts";
import { bucketCalls, managerCalls } from "../every-call.ts";
import { brief, eventually, of, read, rejects, rejectsWith, within } from "../expect.ts";
import { range } from "../load.ts";
import { isAway, restart } from "../outage.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** Deadlines, signals, closing, and many writes at once (rules E3, E4, E5). */
export const lifecycleScenarios: readonly Scenario[] = [
  scenario("E3/aborted-before", "a call whose signal was aborted before does nothing and rejects with the reason", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("key", "value");
      const before = await stateOf(kv);
      const reason = new Error("too late");
      for (const { name, invoke } of bucketCalls(kv, env.capabilities)) {
        await of(name, () => rejectsWith(reason, invoke({ signal: AbortSignal.abort(reason) })));
      }
      assert.deepEqual(await stateOf(kv), before);
      const missing = env.bucketName();
      for (const { name, invoke } of managerCalls(env.manager, missing)) {
        await of(name, () => rejectsWith(reason, invoke({ signal: AbortSignal.abort(reason) })));
      }
      await rejects("BUCKET_NOT_FOUND", env.manager.keyValue(missing));
    },
  }),
  scenario("E3/aborted-meanwhile", "a call that is aborted while it runs settles, with its result or with the reason", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("key", "value");
      for (const { name, invoke } of bucketCalls(kv, env.capabilities)) {
        const controller = new AbortController();
        const reason = new Error(`${name} is no longer needed`);
        const settled = Promise.allSettled([invoke({ signal: controller.signal })]);
        controller.abort(reason);
        const [outcome] = await within(`${name} to settle`, settled);
        if (outcome.status === "rejected") assert.equal(outcome.reason, reason, name);
      }
      if (env.capabilities.transactions) {
        const controller = new AbortController();
        const pair = numbered("pair", 2).map((key): Operation => ({ op: "put", key, value: "x" }));
        const settled = Promise.allSettled([kv.transaction(pair, { signal: controller.signal })]);
        controller.abort();
        await within("a transaction to settle", settled);
      }
      // What had been sent may still be carried out after the call settled, but as a whole.
      const entries = await kv.history(">");
      assert.ok([0, 2].includes(entries.filter(({ key }) => key.startsWith("pair")).length), "all or nothing");
      for (const { key, operation, length, value } of entries) {
        assert.equal(length, operation !== "PUT" ? 0 : key === "key" ? "value".length : 1, key);
        assert.equal(value.length, length, key);
      }
    },
  }),
  scenario("E3/aborted-alone", "aborting one call leaves the calls beside it alone", {
    async run(env) {
      const kv = await env.bucket();
      const controller = new AbortController();
      const puts = numbered("key", 60).map((key, index) =>
        index % 3 === 1 ? kv.put(key, "x", { signal: controller.signal }) : kv.put(key, "x"),
      );
      const reading = kv.get("key0000", { signal: controller.signal });
      const beside = kv.get("key0000");
      const settled = Promise.allSettled([...puts, reading]);
      controller.abort("mine");
      for (const [index, outcome] of (await settled).entries()) {
        const mayBeAborted = index === puts.length || index % 3 === 1;
        if (outcome.status === "rejected") assert.deepEqual([outcome.reason, mayBeAborted], ["mine", true]);
      }
      await beside;
      const keys = await kv.keys();
      for (const [index, key] of numbered("key", 60).entries()) {
        if (index % 3 !== 1) assert.ok(keys.includes(key), `${key} was put`);
      }
    },
  }),
  scenario("E3/listings", "aborting a listing in progress rejects its next item with the reason", {
    async run(env) {
      const kv = await env.bucket();
      await Promise.all(numbered("key", 100).map((key) => kv.put(key, "x")));
      const listings = {
        listKeys: (signal: AbortSignal) => kv.listKeys(">", { signal }),
        entries: (signal: AbortSignal) => kv.entries(">", { signal }),
        keyValueStoreNames: (signal: AbortSignal) => env.manager.keyValueStoreNames({ signal }),
        keyValueStores: (signal: AbortSignal) => env.manager.keyValueStores({ signal }),
      };
      await env.bucket();
      for (const [name, list] of Object.entries(listings)) {
        const controller = new AbortController();
        const iterator = list(controller.signal)[Symbol.asyncIterator]();
        assert.equal((await iterator.next()).done, false);
        controller.abort(name);
        await of(name, () => rejectsWith(name, iterator.next()));
        assert.deepEqual(await iterator.next(), { done: true, value: undefined });
      }
    },
  }),
  scenario("E3/signal-released", "a signal of a call that is over has no effect on anything", {
    async run(env) {
      const kv = await env.bucket();
      const controller = new AbortController();
      const handle = await env.manager.keyValue(kv.bucket, { signal: controller.signal });
      await handle.put("key", "value", { signal: controller.signal });
      controller.abort(new Error("late"));
      assert.equal((await handle.get("key"))?.string(), "value");
      assert.equal(await handle.put("key", "again"), 2);
    },
  }),
  scenario("E3/idle-watcher", "a watcher that waits for the next change has no deadline", {
    async run(env) {
      const timeout = 1500;
      const manager = await env.open({ timeout });
      const kv = await manager.createKeyValue({ bucket: env.bucketName() });
      const reader = read(await kv.watchAll());
      assert.deepEqual(await reader.throughNull(), []);
      const putLater = async (): Promise<void> => {
        await delay(timeout + 500);
        await kv.put("key", "value");
      };
      const [item] = await Promise.all([reader.next(), putLater()]);
      assert.equal(brief(item), "1 PUT key=value");
      await reader.watcher.stop();
    },
  }),
  scenario("E3/bad-timeout", "a manager's timeout that is no positive number of milliseconds is INVALID_ARGUMENT", {
    async run(env) {
      for (const timeout of [0, -1, Number.NaN, "5000", null, true, {}]) {
        await of(String(timeout), () => rejects("INVALID_ARGUMENT", env.open({ timeout: misuse(timeout) })));
      }
    },
  }),
  scenario("E3/restart", "while the server restarts, every call settles in time and says what became of it", {
    requires: (_, storage) => storage.restart !== undefined,
    async run(env) {
      const storage = await env.fresh();
      const timeout = 2000;
      const manager = await storage.open({ timeout });
      const kv = await manager.createKeyValue({ bucket: "bucket", history: 64 });
      const outcomes = new Map<string, "resolved" | KeyValueErrorCode>();
      let restarted = false;
      const rounds = range(0, 7).map(() => 0);
      const write = async (worker: number): Promise<void> => {
        for (let round = 0; !restarted || round < 3; round += 1) {
          rounds[worker] = round;
          const key = `key.${worker}.${round}`;
          try {
            await within(`put ${key} to settle`, kv.put(key, "x"), 4 * timeout);
            outcomes.set(key, "resolved");
          } catch (error) {
            if (!isAway(error)) throw error;
            outcomes.set(key, error.code);
          }
          // A storage that refuses at once must not keep the timers of this process from firing.
          await delay(1);
        }
      };
      const workers = rounds.map((_, worker) => write(worker));
      // Behind the next write, which may have been begun before, comes one that nobody can have answered.
      const away = async (): Promise<void> => {
        const before = [...rounds];
        const areTold = (): boolean => rounds.every((round, worker) => round > (before[worker] ?? 0) + 1);
        await eventually("writes to settle while the storage is away", areTold);
      };
      const restarting = restart(storage, away).finally(() => {
        restarted = true;
      });
      await Promise.all([restarting, ...workers]);
      const keys = await eventually("the storage to answer again", () => kv.keys().catch(() => undefined));
      for (const [key, outcome] of outcomes) {
        if (outcome === "resolved") assert.ok(keys.includes(key), `${key} resolved, and is there`);
        if (outcome === "TIMEOUT") assert.ok(!keys.includes(key), `${key} was never sent, and is not there`);
        const history = await kv.history(key);
        assert.ok(history.length <= 1, `${key} was written ${history.length} times`);
      }
    },
  }),

  scenario("E4/in-flight", "close lets the writes in flight finish", {
    async run(env) {
      const manager = await env.open();
      const bucket = env.bucketName();
      const kv = await manager.createKeyValue({ bucket });
      const keys = numbered("key", 200);
      const puts = keys.map((key) => kv.put(key, key));
      const closed = manager.close();
      const revisions = await Promise.all(puts);
      await closed;
      assert.equal(new Set(revisions).size, keys.length);
      const other = await env.manager.keyValue(bucket);
      assert.deepEqual(await other.keys(), keys);
    },
  }),
  scenario("E4/every-call", "after close, every call fails with CLOSED", {
    async run(env) {
      const manager = await env.open();
      const kv = await manager.createKeyValue({ bucket: env.bucketName() });
      await kv.put("key", "value");
      await manager.close();
      for (const { name, invoke } of [
        ...bucketCalls(kv, env.capabilities),
        ...managerCalls(manager, kv.bucket),
        ...managerCalls(manager, env.bucketName()),
      ]) {
        await of(name, () => rejects("CLOSED", invoke()));
      }
      const other = await env.manager.keyValue(kv.bucket);
      assert.deepEqual((await other.history(">")).map(brief), ["1 PUT key=value"]);
      assert.equal((await other.status()).history, 1);
    },
  }),
  scenario("E4/close-again", "closing again does no harm, at the same time or later", {
    async run(env) {
      const manager = await env.open();
      const kv = await manager.createKeyValue({ bucket: env.bucketName() });
      const put = kv.put("key", "value");
      await Promise.all([manager.close(), manager.close(), put]);
      await manager.close();
      await manager[Symbol.asyncDispose]();
      assert.equal(await put, 1);
    },
  }),
  scenario("E4/async-dispose", "disposing of a manager closes it", {
    async run(env) {
      const manager = await env.open();
      const kv = await manager.createKeyValue({ bucket: env.bucketName() });
      await manager[Symbol.asyncDispose]();
      await rejects("CLOSED", kv.get("key"));
      await rejects("CLOSED", manager.keyValue(kv.bucket));
    },
  }),
  scenario("E4/watchers", "close ends watchers normally, whether they wait, have items left, or are not read yet", {
    async run(env) {
      const manager = await env.open();
      const kv = await manager.createKeyValue({ bucket: env.bucketName() });
      await kv.put("key", "value");
      const waiting = read(await kv.watchAll());
      await waiting.throughNull();
      const [fresh, unread] = [read(await kv.watchAll()), await kv.watchAll()];
      const [rest] = await Promise.all([waiting.ended(), manager.close()]);
      assert.deepEqual(rest, []);
      await fresh.ended();
      await read(unread).ended();
      await unread.stop();
    },
  }),
  scenario("E4/others", "closing one manager leaves every other one open", {
    async run(env) {
      const [one, two] = [await env.open(), await env.open()];
      const bucket = env.bucketName();
      const first = await one.createKeyValue({ bucket });
      const second = await two.keyValue(bucket);
      const reader = read(await second.watchAll());
      await reader.throughNull();
      await first.put("key", "1");
      await one.close();
      assert.equal(await second.put("key", "2"), 2);
      await reader.until("the second manager's own put", ({ revision }) => revision === 2);
      await reader.watcher.stop();
    },
  }),
  scenario("E4/many", "managers can be opened and closed over and over, with watchers open", {
    async run(env) {
      const bucket = env.bucketName();
      await env.manager.createKeyValue({ bucket });
      for (let round = 1; round <= 15; round += 1) {
        const manager = await env.open();
        const kv = await manager.keyValue(bucket);
        const reader = read(await kv.watchAll({ updatesOnly: true }));
        await reader.throughNull();
        await kv.put("key", String(round));
        assert.equal(brief(await reader.next()), `${round} PUT key=${round}`);
        await manager.close();
        await reader.ended();
      }
    },
  }),

  scenario("E5/many-writes", "thousands of writes at once are all carried out, each once and in the caller's order", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const count = 5000;
      const value = new Uint8Array(1000);
      const revisions = await Promise.all(
        Array.from({ length: count }, (_, index) => kv.put(`key${index % 500}`, value)),
      );
      assert.deepEqual(
        revisions.toSorted((a, b) => a - b),
        Array.from({ length: count }, (_, index) => index + 1),
      );
      for (let index = 500; index < count; index += 1) {
        const [before = 0, after = 0] = [revisions[index - 500], revisions[index]];
        assert.ok(before < after, "two puts of one caller to one key keep their order");
      }
      const { values, lastRevision } = await kv.status();
      assert.deepEqual([values, lastRevision], [count, count]);
    },
  }),
  scenario("E5/large-writes", "many large writes at once are all carried out", {
    async run(env) {
      const kv = await env.bucket();
      const size = Math.min(2 ** 20, env.capabilities.maxValueBytes);
      const keys = numbered("key", 40);
      const revisions = await Promise.all(keys.map((key, index) => kv.put(key, new Uint8Array(size).fill(index))));
      assert.equal(new Set(revisions).size, keys.length);
      for (const [index, key] of keys.entries()) {
        const entry = await kv.get(key);
        assert.ok(entry?.value.every((byte) => byte === index) && entry.length === size, key);
      }
    },
  }),
  scenario(
    "E5/restart",
    "writes that pile up while the server restarts all settle, and those that resolved are there",
    {
      requires: (_, storage) => storage.restart !== undefined,
      async run(env) {
        const storage = await env.fresh();
        const timeout = 2000;
        const manager = await storage.open({ timeout });
        const kv = await manager.createKeyValue({ bucket: "bucket" });
        const keys = numbered("key", 5000);
        const put = (key: string): Promise<number> => kv.put(key, new Uint8Array(2000));
        const settled: Promise<PromiseSettledResult<number>[]>[] = [];
        const write = (some: readonly string[]): void => void settled.push(Promise.allSettled(some.map(put)));
        const restarting = restart(storage, () => write(keys.slice(2500)));
        write(keys.slice(0, 2500));
        await restarting;
        const outcomes = (await within("every write to settle", Promise.all(settled), 20 * timeout)).flat();
        const there = new Set(await eventually("the storage to answer again", () => kv.keys().catch(() => undefined)));
        for (const [index, outcome] of outcomes.entries()) {
          const key = keys[index] ?? "";
          if (outcome.status === "fulfilled") assert.ok(there.has(key), `${key} resolved, and is there`);
          else {
            const { reason } = outcome;
            if (!isAway(reason)) throw reason;
            if (reason.code === "TIMEOUT") assert.ok(!there.has(key), `${key} was never sent, and is not there`);
          }
        }
      },
    },
  ),
];
