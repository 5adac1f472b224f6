import type { KeyValue, KeyValueEntry, Operation } from "@revkv/api";
import { isKey, KeyValueError } from "@revkv/api";
import type { Outcome, Unit } from "@revkv/api/adapter";
import { afterWrites, call, isRefused, onCalls, onWrites, put } from "./layers.ts";
import type { Mutant } from "./mutant.ts";
import { mapped, mutant, overriding } from "./mutant.ts";

/** Carries out one operation by itself. */
async function single(kv: KeyValue, operation: Operation): Promise<number> {
  switch (operation.op) {
    case "put":
      return await kv.put(operation.key, operation.value);
    case "create":
      return await kv.create(operation.key, operation.value);
    case "update":
      return await kv.update(operation.key, operation.value, operation.lastRevision);
    case "delete":
      return await kv.delete(operation.key, conditionOf(operation));
    case "purge":
      return await kv.purge(operation.key, conditionOf(operation));
    case "check":
      return (await kv.transaction([operation]))[0] ?? 0;
  }
}

function conditionOf({ lastRevision }: { readonly lastRevision?: number }): { readonly lastRevision?: number } {
  return lastRevision === undefined ? {} : { lastRevision };
}

/** Reads the keys one after the other, and lets others write in between. */
async function oneByOne(kv: KeyValue, keys: readonly string[]): Promise<(KeyValueEntry | null)[]> {
  const entries: (KeyValueEntry | null)[] = [];
  for (const key of keys) {
    entries.push(await kv.get(key));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return entries;
}

/** Adapters that are wrong about many keys at a time (rules O9 to O11). */
export const manyKeysMutants: readonly Mutant[] = [
  mutant("O9", "reads many keys one after the other", () =>
    onCalls((kv) => ({ getMany: (keys) => oneByOne(kv, keys) })),
  ),
  mutant("O9", "gives a key that is asked for twice once", () =>
    onCalls((kv) => ({ getMany: (keys, options) => kv.getMany([...new Set(keys)], options) })),
  ),
  mutant("O9", "leaves out what is absent", () =>
    onCalls((kv) => ({
      getMany: async (keys, options) => (await kv.getMany(keys, options)).filter((entry) => entry !== null),
    })),
  ),
  mutant("O9", "streams entries in the order of their revisions", () =>
    onCalls((kv) => ({
      entries: async function* (filter, options) {
        const entries: KeyValueEntry[] = [];
        for await (const entry of kv.entries(filter, options)) entries.push(entry);
        yield* entries.sort((a, b) => a.revision - b.revision);
      },
    })),
  ),
  mutant("O9", "streams entries without their values", () =>
    onCalls((kv) => ({
      entries: (filter, options) =>
        mapped(kv.entries(filter, options), (entry) =>
          overriding(entry, { value: new Uint8Array(0), string: () => "" }),
        ),
    })),
  ),
  mutant("O9", "reads the good keys of a list with a bad one", () =>
    onCalls((kv) => ({
      getMany: (keys, options) => kv.getMany(Array.isArray(keys) ? keys.filter(isKey) : keys, options),
    })),
  ),
  mutant("O9", "cannot read an empty list of keys", () =>
    onCalls((kv) => ({
      getMany: async (keys, options) => {
        if (keys.length === 0) throw new KeyValueError("INVALID_ARGUMENT", "no keys");
        return await kv.getMany(keys, options);
      },
    })),
  ),
  mutant("O10", "carries a transaction out one operation after the other", () =>
    onCalls((kv) => ({
      transaction: async (operations, options) => {
        if (!Array.isArray(operations) || operations.length < 2) return await kv.transaction(operations, options);
        const revisions: number[] = [];
        for (const operation of operations as readonly Operation[]) revisions.push(await single(kv, operation));
        return revisions;
      },
    })),
  ),
  mutant("O10", "judges every condition by what was there before the transaction", () => ({
    bucket: (bucket) => ({
      commit: async (units) => {
        const outcomes: Outcome[] = [];
        for (const unit of units) outcomes.push(...(await bucket.commit([unit], call)));
        return outcomes.map((outcome, index) => {
          const unit = units[index] as Unit;
          const keys = new Set(unit.map(({ key }) => key));
          const again = keys.size < unit.length && unit.some(({ expect }) => expect !== undefined);
          return again ? { refused: "condition", operation: unit.length - 1, actual: 0 } : outcome;
        });
      },
    }),
  })),
  mutant("O10", "leaves the writes before a failing condition there", () =>
    afterWrites((bucket, unit, outcome) => {
      if ("refused" in outcome && outcome.refused === "condition" && outcome.operation > 0) {
        void bucket.commit([unit.slice(0, outcome.operation)], call);
      }
      return undefined;
    }),
  ),
  mutant("O10", "gives a check no number", () =>
    afterWrites((_, unit, outcome) =>
      isRefused(outcome) ? undefined : (outcome as readonly number[]).filter((_, index) => unit[index]?.op !== "check"),
    ),
  ),
  mutant("O10", "uses up a revision for a check", () =>
    onWrites((unit) => (unit.some(({ op }) => op === "check") ? [...unit, put("checked")] : unit)),
  ),
  mutant("O10", "has watchers give null inside of a transaction", () => ({
    items: async function* (items) {
      let held = false;
      for await (const item of items) {
        if (item === null) {
          held = true;
          continue;
        }
        yield item;
        if (held) yield null;
        held = false;
      }
    },
  })),
  mutant("O10", "accepts an empty transaction", () =>
    onCalls((kv) => ({
      transaction: async (operations, options) =>
        Array.isArray(operations) && operations.length === 0 ? [] : await kv.transaction(operations, options),
    })),
  ),
  mutant("O10", "keeps one entry of each key that a transaction writes", () =>
    onCalls((kv) => {
      const hidden = new Set<number>();
      return {
        transaction: async (operations, options) => {
          const revisions = await kv.transaction(operations, options);
          operations.forEach(({ key }, index) => {
            if (operations.slice(index + 1).some((later) => later.key === key)) hidden.add(revisions[index] ?? 0);
          });
          return revisions;
        },
        history: async (filter, options) =>
          (await kv.history(filter, options)).filter(({ revision }) => !hidden.has(revision)),
      };
    }),
  ),
  mutant("O11", "removes the first thousand keys only", () =>
    onCalls((kv) => ({
      deleteAll: async (filter, options) => {
        const keys = (await kv.keys(filter, options)).slice(0, 1000);
        for (const key of keys) await kv.delete(key);
        return keys.length;
      },
    })),
  ),
  mutant("O11", "writes markers to keys that are not live, too", () =>
    onCalls((kv) => ({
      deleteAll: async (filter, options) => {
        const live = await kv.deleteAll(filter, options);
        for (const { key } of await kv.history(filter ?? ">")) if (live > 0) await kv.delete(key);
        return live;
      },
    })),
  ),
  mutant("O11", "deletes where it should purge", () =>
    onCalls((kv) => ({ purgeAll: (filter, options) => kv.deleteAll(filter, options) })),
  ),
  mutant("O11", "counts the entries that it purges", () =>
    onCalls((kv) => ({
      purgeAll: async (filter, options) => {
        const before = await kv.history(filter ?? ">");
        await kv.purgeAll(filter, options);
        return before.length;
      },
    })),
  ),
  mutant("O11", "removes keys without telling watchers", () =>
    onCalls((kv) => ({
      purgeAll: async (filter, options) => {
        const removed = await kv.purgeAll(filter, options);
        await kv.purgeDeletes({ olderThan: 0 });
        return removed;
      },
    })),
  ),
];
