import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { compileFilter } from "@revkv/api";
import { afterTurns, afterWrites, call, isRefused, onCalls, put } from "./layers.ts";
import type { Layer, Mutant } from "./mutant.ts";
import { mutant, overriding } from "./mutant.ts";

/** A layer in which every history is rewritten. */
function onHistory(
  rewrite: (entries: KeyValueEntry[], filter: string | readonly string[], kv: KeyValue) => KeyValueEntry[],
): Layer {
  return onCalls((kv) => ({
    history: async (filter, options) => rewrite(await kv.history(filter, options), filter, kv),
  }));
}

/** A layer in which every listing of keys is rewritten. */
function onListing(rewrite: (keys: string[], filter: string | readonly string[]) => string[]): Layer {
  return onCalls((kv) => ({
    keys: async (filter, options) => rewrite(await kv.keys(filter, options), filter ?? ">"),
    listKeys: async function* (filter, options) {
      const keys: string[] = [];
      for await (const key of kv.listKeys(filter, options)) keys.push(key);
      yield* rewrite(keys, filter ?? ">");
    },
  }));
}

/** A layer that remembers which keys were put, and not that they expire. */
function remembering(): Layer {
  const put = new Set<string>();
  return onCalls((kv) => ({
    put: async (key, value, options) => {
      const revision = await kv.put(key, value, options);
      put.add(key);
      return revision;
    },
    delete: async (key, options) => {
      put.delete(key);
      return await kv.delete(key, options);
    },
    keys: async (filter, options) => {
      const { matches } = compileFilter(filter ?? ">");
      return [...new Set([...(await kv.keys(filter, options)), ...[...put].filter(matches)])].sort();
    },
  }));
}

/** Adapters that are wrong about history, listings or purgeDeletes (rules H1 to H4, L1 to L3, P1, P2). */
export const historyAndKeysMutants: readonly Mutant[] = [
  mutant("H1", "gives the newest entry first", () => onHistory((entries) => entries.toReversed())),
  mutant("H1", "leaves markers out of the history", () =>
    onHistory((entries) => entries.filter(({ operation }) => operation === "PUT")),
  ),
  mutant("H1", "gives the first page of a history only", () => onHistory((entries) => entries.slice(0, 5))),
  mutant("H2", "counts delta from 1", () =>
    onHistory((entries) => entries.map((entry) => overriding(entry, { delta: entry.delta + 1 }))),
  ),
  mutant("H2", "counts the newer entries of other keys in delta", () =>
    onHistory((entries) => entries.map((entry, index) => overriding(entry, { delta: entries.length - 1 - index }))),
  ),
  mutant("H2", "gives a delta to what a watcher delivers", () => ({
    items: async function* (items) {
      for await (const item of items) yield item === null ? null : overriding(item, { delta: 1 });
    },
  })),
  mutant("H3", "has no history of a deleted key", () =>
    onHistory((entries) => (entries.at(-1)?.operation === "DEL" ? [] : entries)),
  ),
  mutant("H3", "fails where a key has no history", () =>
    onHistory((entries) => {
      if (entries.length === 0) throw new Error("no entries");
      return entries;
    }),
  ),
  mutant("H4", "gives histories by filter key by key", () =>
    onHistory((entries) =>
      entries.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.revision - b.revision)),
    ),
  ),
  mutant("H4", "hides only delete markers with ignoreDeletes", () =>
    onCalls((kv) => ({
      history: async (filter, options) => {
        if (options?.ignoreDeletes !== true) return await kv.history(filter, options);
        const entries = await kv.history(filter, { ...options, ignoreDeletes: false });
        return entries.filter(({ operation }) => operation !== "DEL");
      },
    })),
  ),
  mutant("H4", "ignores metaOnly in a history", () =>
    onCalls((kv) => ({
      history: (filter, options) => kv.history(filter, options && { ...options, metaOnly: false }),
    })),
  ),
  mutant("H4", "says that a value left out of a history is empty", () =>
    onCalls((kv) => ({
      history: async (filter, options) => {
        const entries = await kv.history(filter, options);
        return options?.metaOnly === true ? entries.map((entry) => overriding(entry, { length: 0 })) : entries;
      },
    })),
  ),

  mutant("L1", "lists deleted keys", () =>
    onCalls((kv) => ({
      keys: async (filter) => [...new Set((await kv.history(filter ?? ">")).map(({ key }) => key))].sort(),
    })),
  ),
  mutant("L1", "lists keys in the order in which they were written", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        const live = new Set(await kv.keys(filter, options));
        return [...new Set((await kv.history(filter ?? ">")).map(({ key }) => key))].filter((key) => live.has(key));
      },
    })),
  ),
  mutant("L1", "lists keys in the order of a dictionary", () =>
    onListing((keys) => keys.sort((a, b) => a.localeCompare(b))),
  ),
  mutant("L1", "goes on behind a page in the order of a dictionary", () => ({
    bucket: (bucket) => ({
      readKeys: async (query) => {
        const page = await bucket.readKeys(query, call);
        return { ...page, rows: page.rows.filter(({ key }) => key.localeCompare(query.after) > 0) };
      },
    }),
  })),
  mutant("L1", "lists the first thousand keys only", () => onListing((keys) => keys.slice(0, 1000))),
  mutant("L1", "lists a key again that is written while it lists", () =>
    onCalls((kv) => ({
      listKeys: async function* (filter, options) {
        let { lastRevision } = await kv.status();
        const listed: string[] = [];
        for await (const key of kv.listKeys(filter, options)) {
          listed.push(key);
          yield key;
        }
        for (const { key, revision } of await kv.history(filter ?? ">", { ignoreDeletes: true })) {
          if (revision > lastRevision && listed.includes(key)) yield key;
          lastRevision = Math.max(lastRevision, revision);
        }
      },
    })),
  ),
  mutant("L1", "misses a key that is written while it lists", () =>
    onCalls((kv) => ({
      listKeys: async function* (filter, options) {
        const { lastRevision } = await kv.status();
        for await (const key of kv.listKeys(filter, options)) {
          const entry = await kv.get(key);
          if (entry !== null && entry.revision <= lastRevision) yield key;
        }
      },
    })),
  ),
  mutant("L1", "misses a key that is written while keys are listed", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        const { lastRevision } = await kv.status();
        const keys = await kv.keys(filter, options);
        await new Promise((resolve) => setImmediate(resolve));
        const entries = await kv.getMany(keys);
        return keys.filter((_, index) => (entries[index]?.revision ?? 0) <= lastRevision);
      },
    })),
  ),
  mutant("L2", "lists expired keys", remembering),
  mutant("L2", "lists keys that have an expiry marker", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        const expired = (await kv.history(filter ?? ">")).filter(({ reason }) => reason === "expired");
        return [...new Set([...(await kv.keys(filter, options)), ...expired.map(({ key }) => key)])].sort();
      },
    })),
  ),
  mutant("L3", "takes the range of a prefix one key too far", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        const keys = await kv.keys(filter, options);
        if (typeof filter !== "string" || !/^[^*>]+\.>$/.test(filter)) return keys;
        const next = (await kv.keys()).find((key) => key >= `${filter.slice(0, -2)}/`);
        return next === undefined ? keys : [...keys, next];
      },
    })),
  ),
  mutant("L3", "reads the later pages of a range to the end of the bucket", () =>
    onCalls((kv) => ({
      entries: async function* (filter, options) {
        let count = 0;
        for await (const entry of kv.entries(filter, options)) {
          count += 1;
          yield entry;
        }
        const isLong = count > 1000 && typeof filter === "string" && filter.endsWith(".>");
        if (isLong) for await (const entry of kv.entries()) if (entry.key > filter) yield entry;
      },
    })),
  ),
  mutant("L3", "begins the range of a prefix one key too late", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        const keys = await kv.keys(filter, options);
        return typeof filter === "string" && /^[^*>]+\.>$/.test(filter) ? keys.slice(1) : keys;
      },
    })),
  ),

  mutant("P1", "removes markers whatever their age", () =>
    onCalls((kv) => ({ purgeDeletes: (options) => kv.purgeDeletes({ ...options, olderThan: 0 }) })),
  ),
  mutant("P1", "takes the first revision for none, and removes its marker", () =>
    onCalls((kv) => ({
      purgeDeletes: async (options) => {
        const [first, ...others] = await kv.history(">");
        return await kv.purgeDeletes(first?.revision === 1 && others.length === 0 ? { olderThan: 0 } : options);
      },
    })),
  ),
  mutant("P1", "counts the keys that it removes", () =>
    onCalls((kv) => ({
      purgeDeletes: async (options) => {
        const keys = async (): Promise<number> => new Set((await kv.history(">")).map(({ key }) => key)).size;
        const before = await keys();
        await kv.purgeDeletes(options);
        return before - (await keys());
      },
    })),
  ),
  mutant("P1", "leaves the values behind young markers there", () =>
    onCalls((kv) => ({
      purgeDeletes: async (options) => {
        if (options?.olderThan !== 0) return 0;
        return await kv.purgeDeletes(options);
      },
    })),
  ),
  mutant("P1", "goes by the age of a key's oldest entry", () => ({
    bucket: (bucket) => ({
      purgeMarkers: async (query) => {
        const log = { revision: 0 };
        const filter = compileFilter(">");
        const page = await bucket.readLog(
          { filter, after: log, upTo: undefined, newestOnly: false, values: false, limit: 10_000, maxBytes: 1 },
          call,
        );
        const oldest = page.rows.toSorted((a, b) => a.created - b.created)[0];
        const newest = page.rows.at(-1);
        const aged = oldest !== undefined && newest !== undefined && newest.created - oldest.created >= query.olderThan;
        return await bucket.purgeMarkers(aged ? { ...query, olderThan: 0 } : query, call);
      },
    }),
  })),
  mutant("P1", "looks at the first thousand keys only", () =>
    onCalls((kv) => ({
      purgeDeletes: async (options) => {
        const keys = new Set((await kv.history(">")).map(({ key }) => key));
        return keys.size > 1000 ? 1000 : await kv.purgeDeletes(options);
      },
    })),
  ),
  mutant("P2", "destroys live keys that have a marker in their history", () =>
    onCalls((kv) => ({
      purgeDeletes: async (options) => {
        const history = await kv.history(">");
        const removed = await kv.purgeDeletes(options);
        for (const { key, operation } of history) if (operation !== "PUT") await kv.purge(key);
        return removed + (await kv.purgeDeletes(options));
      },
    })),
  ),
  mutant("P2", "removes the history of live keys", () => {
    const removed = new Map<string, number>();
    return onCalls((kv) => ({
      purgeDeletes: async (options) => {
        for (const { key, revision } of await kv.history(">")) removed.set(`${kv.bucket} ${key}`, revision);
        return await kv.purgeDeletes(options);
      },
      history: async (filter, options) => {
        const entries = await kv.history(filter, options);
        return entries.filter(({ key, revision }) => revision >= (removed.get(`${kv.bucket} ${key}`) ?? 0));
      },
    }));
  }),
  mutant("P2", "removes the marker that it found, whatever has come behind it", () => {
    const marked = new Set<string>();
    const found = new Map<string, string[]>();
    const noting = afterWrites((bucket, unit, outcome) => {
      if (isRefused(outcome)) return undefined;
      for (const { op, key } of unit) {
        if (op === "put") marked.delete(`${bucket.name} ${key}`);
        else marked.add(`${bucket.name} ${key}`);
      }
      return undefined;
    });
    return {
      // The markers are looked for when the call begins, so that whatever else begins with it comes behind.
      keyValue: (kv) => ({
        purgeDeletes: (options) => {
          const keys = [...marked]
            .filter((one) => one.startsWith(`${kv.bucket} `))
            .map((one) => one.split(" ")[1] ?? "");
          found.set(kv.bucket, keys);
          return kv.purgeDeletes(options);
        },
      }),
      bucket: (bucket) => ({
        ...noting.bucket?.(bucket),
        purgeMarkers: async (query) => {
          const keys = found.get(bucket.name) ?? [];
          await afterTurns(50);
          await bucket.commit(
            keys.map((key) => [{ ...put(key), op: "purge" }]),
            call,
          );
          return await bucket.purgeMarkers(query, call);
        },
      }),
    };
  }),
];
