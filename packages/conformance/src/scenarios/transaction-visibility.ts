import assert from "node:assert/strict";
import type { Capabilities, KeyValue, Operation } from "@revkv/api";
import { collect, read } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const transactional = ({ transactions }: Capabilities): boolean => transactions;

/** Runs `reading` over and over while transactions put the same number under `a` and `b`, by this and another handle. */
async function whileWritingPairs(kv: KeyValue, other: KeyValue, reading: () => Promise<void>): Promise<void> {
  let writing = true;
  const write = async (): Promise<void> => {
    for (const n of range(1, 30)) {
      const operations = ["a", "b"].map((key): Operation => ({ op: "put", key, value: String(n) }));
      await (n % 2 === 0 ? kv : other).transaction(operations);
    }
    writing = false;
  };
  const readAll = async (): Promise<void> => {
    do await reading();
    while (writing);
  };
  await Promise.all([write(), readAll(), readAll()]);
}

/** What readers and watchers see of transactions in progress: nothing. */
export const transactionVisibilityScenarios: readonly Scenario[] = [
  scenario("O10/reads-see-all", "no getMany sees a part of a transaction", {
    requires: ({ transactions, snapshotReads }) => transactions && snapshotReads,
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      await whileWritingPairs(kv, other, async () => {
        for (const [handle, keys] of [
          [kv, ["a", "b"]],
          [other, ["b", "a"]],
        ] as const) {
          const [one, two] = await handle.getMany(keys);
          assert.equal(one?.string(), two?.string(), keys.join(" and "));
        }
      });
    },
  }),

  scenario("O10/listings-see-all", "no listing shows a part of a transaction", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      let writing = true;
      const write = async (): Promise<void> => {
        for (const _ of range(1, 15)) {
          await kv.transaction([
            { op: "create", key: "a", value: "x" },
            { op: "create", key: "b", value: "x" },
          ]);
          await kv.transaction([
            { op: "delete", key: "b" },
            { op: "purge", key: "a" },
          ]);
        }
        writing = false;
      };
      const list = async (handle: KeyValue): Promise<void> => {
        while (writing) {
          const listed = [await handle.keys(), (await collect(handle.entries())).map(({ key }) => key)];
          for (const keys of listed) assert.ok(keys.length === 0 || keys.length === 2, `${keys.join()} alone`);
        }
      };
      await Promise.all([write(), list(kv), list(other)]);
    },
  }),

  scenario("O10/history-sees-all", "no history ends inside of a transaction", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const other = await (await env.open()).keyValue(kv.bucket);
      await whileWritingPairs(kv, other, async () => {
        const entries = await other.history(">");
        assert.deepEqual(
          entries.map(({ revision }) => revision),
          range(1, entries.length),
        );
        assert.equal(entries.length % 2, 0, "whole transactions");
        const { values, lastRevision } = await kv.status();
        assert.deepEqual([values % 2, values], [0, lastRevision]);
      });
    },
  }),

  scenario("M3/transactions", "transactions and single writes of several managers become visible in revision order", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const handles = [kv, ...(await Promise.all(range(1, 2).map(async () => (await env.open()).keyValue(kv.bucket))))];
      const watchers = await Promise.all(handles.map(async (handle) => read(await handle.watch(">"))));
      for (const watched of watchers) assert.equal(await watched.next(), null);
      const write = async (handle: KeyValue, writer: number): Promise<readonly (readonly number[])[]> => {
        const numbers: number[][] = [];
        for (const n of range(1, 10)) {
          const keys = [`w${writer}.a`, `w${writer}.b`, "shared"];
          numbers.push(await handle.transaction(keys.map((key): Operation => ({ op: "put", key, value: `${n}` }))));
          numbers.push([await handle.put(`w${writer}.c`, `${n}`)]);
        }
        return numbers;
      };
      const written = (await Promise.all(handles.map(write))).flat();
      for (const numbers of written) {
        assert.deepEqual(
          numbers,
          numbers.map((_, index) => (numbers[0] ?? 0) + index),
          "consecutive",
        );
      }
      const total = 3 * 10 * 4;
      assert.deepEqual(
        written.flat().toSorted((a, b) => a - b),
        range(1, total),
        "each number once",
      );
      for (const watched of watchers) {
        const seen = await watched.until("the last write", ({ revision }) => revision === total);
        assert.deepEqual(
          seen.map(({ revision }) => revision),
          range(1, total),
          "in order, none missing",
        );
        await watched.watcher.stop();
      }
    },
  }),
];
