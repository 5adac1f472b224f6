import type { KeyValue, KeyValueEntry, Operation } from "@revkv/api";
import { isKeyValueError, KeyExistsError, KeyValueError, RevisionMismatchError } from "@revkv/api";
import type { Outcome, Unit } from "@revkv/api/adapter";
import { afterWrites, call, isRefused, onCalls, onRows, onWrites, put } from "./layers.ts";
import type { Layer, Mutant } from "./mutant.ts";
import { mapped, mutant, overriding } from "./mutant.ts";

/** A layer over every call that takes filters for reading: what they get is another filter. */
function onFilters(change: (filter: string) => string): Layer {
  const changed = <T extends string | readonly string[] | undefined>(filter: T): T =>
    (typeof filter === "string" ? change(filter) : Array.isArray(filter) ? filter.map(change) : filter) as T;
  return onCalls((kv) => ({
    keys: (filter, options) => kv.keys(changed(filter), options),
    listKeys: (filter, options) => kv.listKeys(changed(filter), options),
    entries: (filter, options) => kv.entries(changed(filter), options),
    history: (filter, options) => kv.history(changed(filter), options),
    watch: (filter, options) => kv.watch(changed(filter), options),
  }));
}

/** The answer to a call that fails with this code. */
async function unless<T>(
  code: "INVALID_KEY" | "REVISION_MISMATCH" | "KEY_EXISTS",
  answer: Promise<T>,
  other: () => T | Promise<T>,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isKeyValueError(error, code)) throw error;
    return await other();
  }
}

async function newest(kv: KeyValue, key: string): Promise<KeyValueEntry | undefined> {
  return (await kv.history(key)).at(-1);
}

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

/** Adapters that are wrong about keys and filters, or about one key at a time (rules K1 to K3, O1 to O8). */
export const oneKeyMutants: readonly Mutant[] = [
  mutant("K1", "finds nothing under a bad key instead of refusing it", () =>
    onCalls((kv) => ({ get: (key, options) => unless("INVALID_KEY", kv.get(key, options), () => null) })),
  ),
  mutant("K1", "accepts a colon in a key that it deletes", () =>
    onCalls((kv) => ({
      delete: (key, options) => kv.delete(typeof key === "string" ? key.replaceAll(":", "_") : key, options),
    })),
  ),
  mutant("K1", "refuses a key that begins with _", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        if (typeof key === "string" && key.startsWith("_")) throw new KeyValueError("INVALID_KEY", "reserved");
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("K1", "asks the storage before it looks at the key", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        await kv.status();
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("K2", "lets * stand for any number of tokens", () => onFilters((filter) => filter?.replace?.(/\.\*$/, ".>"))),
  mutant("K2", "lets a.> stand for a as well", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        const keys = await kv.keys(filter, options);
        const parent = typeof filter === "string" && filter.endsWith(".>") ? filter.slice(0, -2) : undefined;
        if (parent === undefined || parent.includes("*") || (await kv.get(parent)) === null) return keys;
        return [parent, ...keys].sort();
      },
    })),
  ),
  mutant("K2", "reads the empty filter as all keys", () => onFilters((filter) => (filter === "" ? ">" : filter))),
  mutant("K2", "accepts a wildcard within a token", () => onFilters((filter) => (filter === "foo*" ? "foo" : filter))),
  mutant("K2", "takes _ in a filter for any character", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        if (typeof filter !== "string" || !filter.includes("_")) return await kv.keys(filter, options);
        const like = new RegExp(`^${filter.replaceAll("_", ".").replaceAll("*", "[^.]+").replace(">", ".+")}$`);
        return (await kv.keys()).filter((key) => like.test(key));
      },
    })),
  ),
  mutant("K3", "delivers an entry once for each filter that it matches", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        if (!Array.isArray(filter) || filter.length < 2) return await kv.keys(filter, options);
        return (await Promise.all(filter.map((one) => kv.keys(one, options)))).flat().sort();
      },
    })),
  ),
  mutant("K3", "selects nothing with an empty list", () =>
    onCalls((kv) => ({
      history: async (filter, options) => (filter.length === 0 ? [] : await kv.history(filter, options)),
      keys: async (filter, options) => (filter?.length === 0 ? [] : await kv.keys(filter, options)),
      watch: (filter, options) => kv.watch(filter?.length === 0 ? "no.such.key" : filter, options),
    })),
  ),
  mutant("K3", "selects what matches all filters of a list", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        if (!Array.isArray(filter) || filter.length < 2) return await kv.keys(filter, options);
        const [first = [], ...others] = await Promise.all(filter.map((one) => kv.keys(one, options)));
        return first.filter((key) => others.every((keys) => keys.includes(key)));
      },
    })),
  ),

  mutant("O1", "cannot create over a marker", () =>
    onCalls((kv) => ({
      create: async (key, value, options) => {
        const entry = await newest(kv, key);
        if (entry !== undefined) throw new KeyExistsError(key, entry.revision);
        return await kv.create(key, value, options);
      },
    })),
  ),
  mutant("O1", "counts revisions from 0", () =>
    onCalls((kv) => ({ put: async (key, value, options) => (await kv.put(key, value, options)) - 1 })),
  ),
  mutant("O2", "gives the marker of a deleted key", () =>
    onCalls((kv) => ({
      get: async (key, options) => (await kv.get(key, options)) ?? (await newest(kv, key)) ?? null,
    })),
  ),
  mutant("O2", "gives a revision whatever key it belongs to", () =>
    onCalls((kv) => ({
      getRevision: async (key, revision, options) => {
        const entry = await kv.getRevision(key, revision, options);
        return (
          entry ??
          (await kv.history(">")).find((other) => other.revision === revision && other.operation === "PUT") ??
          null
        );
      },
    })),
  ),
  mutant("O2", "gives a marker for its revision", () =>
    onCalls((kv) => ({
      getRevision: async (key, revision, options) => {
        const entry = await kv.getRevision(key, revision, options);
        return entry ?? (await kv.history(key)).find((other) => other.revision === revision) ?? null;
      },
    })),
  ),
  mutant("O2", "finds nothing at revision 0 instead of refusing it", () =>
    onCalls((kv) => ({
      getRevision: async (key, revision, options) =>
        revision === 0 ? null : await kv.getRevision(key, revision, options),
    })),
  ),
  mutant("O3", "looks whether a key is live, and writes it in a second step", () =>
    onCalls((kv) => ({
      create: async (key, value, options) => {
        const entry = await kv.get(key);
        if (entry !== null) throw new KeyExistsError(key, entry.revision);
        await new Promise((resolve) => setImmediate(resolve));
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("O3", "does not say which revision stands in the way of create", () =>
    onCalls((kv) => ({
      create: (key, value, options) =>
        unless("KEY_EXISTS", kv.create(key, value, options), () => {
          throw new KeyValueError("KEY_EXISTS", "it exists");
        }),
    })),
  ),
  mutant("O3", "overwrites with create", () =>
    onWrites((unit) => unit.map((write) => (write.expect === null ? { ...write, expect: undefined } : write))),
  ),
  mutant("O4", "takes a last revision of 0 for no condition", () =>
    onWrites((unit) => unit.map((write) => (write.expect === 0 ? { ...write, expect: undefined } : write))),
  ),
  mutant("O4", "takes a last revision of 0 for not live", () =>
    onWrites((unit) => unit.map((write) => (write.expect === 0 ? { ...write, expect: null } : write))),
  ),
  mutant("O4", "does not say what the revision really is", () =>
    onCalls((kv) => ({
      update: (key, value, last, options) =>
        unless("REVISION_MISMATCH", kv.update(key, value, last, options), () => {
          throw new RevisionMismatchError(key, last, undefined);
        }),
    })),
  ),
  mutant("O4", "compares with the newest value and not with the marker behind it", () =>
    onCalls((kv) => ({
      update: async (key, value, last, options) => {
        const history = await kv.history(key);
        const value_ = history.findLast(({ operation }) => operation === "PUT");
        return value_ !== undefined && value_.revision === last && history.at(-1) !== value_
          ? await kv.put(key, value, options)
          : await kv.update(key, value, last, options);
      },
    })),
  ),
  mutant("O4", "accepts any revision that the key has ever had", () =>
    onCalls((kv) => ({
      update: (key, value, last, options) =>
        unless("REVISION_MISMATCH", kv.update(key, value, last, options), async () => {
          const { lastRevision } = await kv.status();
          if (last === 0 || last > lastRevision || (await newest(kv, key)) === undefined) {
            throw new RevisionMismatchError(key, last, 0);
          }
          return await kv.put(key, value, options);
        }),
    })),
  ),
  mutant("O5", "takes undefined for no condition", () =>
    onCalls((kv) => ({
      delete: (key, options) =>
        kv.delete(
          key,
          options !== undefined && "lastRevision" in options && options.lastRevision === undefined ? {} : options,
        ),
    })),
  ),
  mutant("O5", "ignores the condition of a purge", () =>
    onWrites((unit) => unit.map((write) => (write.op === "purge" ? { ...write, expect: undefined } : write))),
  ),
  mutant("O5", "ignores the condition of a delete", () =>
    onWrites((unit) => unit.map((write) => (write.op === "delete" ? { ...write, expect: undefined } : write))),
  ),
  mutant("O6", "writes nothing when it deletes what is not there", () =>
    onCalls((kv) => ({
      delete: async (key, options) =>
        (await kv.get(key)) === null && options === undefined
          ? (await kv.status()).lastRevision
          : await kv.delete(key, options),
    })),
  ),
  mutant("O6", "resolves a purge to the revision that it purged", () =>
    onCalls((kv) => ({
      purge: async (key, options) => {
        const before = await newest(kv, key);
        const revision = await kv.purge(key, options);
        return before?.revision ?? revision;
      },
    })),
  ),
  mutant("O7", "leaves the newest value behind its purge marker", () => {
    const kept = new Map<string, KeyValueEntry>();
    return onCalls((kv) => ({
      purge: async (key, options) => {
        const entry = await kv.get(key);
        if (entry !== null) kept.set(key, entry);
        return await kv.purge(key, options);
      },
      history: async (filter, options) => {
        const entries = await kv.history(filter, options);
        const before = typeof filter === "string" ? kept.get(filter) : undefined;
        return before === undefined ? entries : [before, ...entries];
      },
    }));
  }),
  mutant("O7", "leaves no marker when it purges", () => onRows((row) => (row.operation === "PURGE" ? undefined : row))),
  mutant("O8", "counts the characters of a value as its length", () => ({
    entry: (entry) => ({ length: entry.string().length }),
  })),
  mutant("O8", "lets created go back", () => ({
    entry: (entry) => ({ created: new Date(entry.created.getTime() - entry.revision) }),
  })),
  mutant("O8", "gives null for JSON that is none", () => ({
    entry: (entry) => ({
      json: <T>() => {
        try {
          return entry.json<T>();
        } catch {
          return null as T;
        }
      },
    }),
  })),
  mutant("O8", "calls a purge a delete", () => ({
    entry: (entry) => ({ operation: entry.operation === "PURGE" ? "DEL" : entry.operation }),
  })),
  mutant("O8", "does not say when an entry expires", () => ({ entry: () => ({ expiresAt: undefined }) })),
];

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
