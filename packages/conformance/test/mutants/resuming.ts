import type { KeyValue, KeyWatcher, WatchOptions } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { Awaitable, BucketStorage } from "@revkv/api/adapter";
import { afterWrites, call, isRefused, onCalls, onItems } from "./layers.ts";
import type { Item, Layer, Mutant } from "./mutant.ts";
import { mutant, waitingMutant, withItems } from "./mutant.ts";

/** A layer in which a watch is begun with other options. */
function onOptions(change: (options: WatchOptions) => WatchOptions): Layer {
  return onCalls((kv) => ({ watch: (filter, options) => kv.watch(filter, options && change(options)) }));
}

async function watchedFrom(kv: KeyValue, filter: string | readonly string[], revision: number): Promise<KeyWatcher> {
  return await kv.watch(filter, { resumeFromRevision: revision });
}

/** A layer with another opinion of what was removed for good. */
function compacting(compactedTo: (known: number, bucket: BucketStorage) => Awaitable<number>): Layer {
  return {
    bucket: (bucket) => ({
      head: async () => {
        const head = await bucket.head(call);
        return { ...head, compactedTo: await compactedTo(head.compactedTo, bucket) };
      },
      readLog: async (query) => {
        const page = await bucket.readLog(query, call);
        return { ...page, head: { ...page.head, compactedTo: await compactedTo(page.head.compactedTo, bucket) } };
      },
      describe: async () => {
        const description = await bucket.describe(call);
        return { ...description, compactedTo: await compactedTo(description.compactedTo, bucket) };
      },
    }),
  };
}

/** Adapters whose watchers go on from the wrong place, or do not notice what they missed (rules W5, W10, W13, W14). */
export const resumingMutants: readonly Mutant[] = [
  mutant("W5", "resumes behind the revision instead of at it", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const from = options?.resumeFromRevision;
        if (from === undefined || !Number.isInteger(from)) return await kv.watch(filter, options);
        const { lastRevision } = await kv.status();
        return await kv.watch(filter, { ...options, resumeFromRevision: from <= lastRevision ? from + 1 : from });
      },
    })),
  ),
  mutant("W5", "gives each key's newest entry only when it resumes", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        if (options?.resumeFromRevision === undefined) return watcher;
        const newest = new Map((await kv.history(">")).map((entry) => [entry.key, entry.revision]));
        return withItems(watcher, async function* (items) {
          let live = false;
          for await (const item of items) {
            live ||= item === null;
            if (item === null || live || newest.get(item.key) === item.revision) yield item;
          }
        });
      },
    })),
  ),
  mutant("W5", "leaves out keys that have entries before the revision", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        const from = options?.resumeFromRevision;
        if (from === undefined || filter === ">") return watcher;
        const before = (await kv.history(filter)).filter(({ revision }) => revision < from).map(({ key }) => key);
        return withItems(watcher, async function* (items) {
          for await (const item of items) if (item === null || !before.includes(item.key)) yield item;
        });
      },
    })),
  ),
  mutant("W5", "waits for a revision that is too far ahead", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        try {
          return await kv.watch(filter, options);
        } catch (error) {
          if (!isKeyValueError(error, "HISTORY_LOST")) throw error;
          return await kv.watch(filter, { updatesOnly: true });
        }
      },
    })),
  ),
  mutant("W5", "resumes on a bucket whatever its incarnation", () =>
    onOptions(({ resumeIncarnation: _, ...options }) => options),
  ),
  mutant("W5", "cannot resume behind the newest revision", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const { lastRevision } = await kv.status();
        if (options?.resumeFromRevision === lastRevision + 1) throw new KeyValueError("HISTORY_LOST", "not yet");
        return await kv.watch(filter, options);
      },
    })),
  ),
  mutant("W5", "forgets to resume when the history is asked for too", () =>
    onOptions((options) => {
      if (options.includeHistory !== true && options.updatesOnly !== true) return options;
      const { resumeFromRevision: _, ...others } = options;
      return others;
    }),
  ),
  mutant("W10", "ends its watchers when the storage is away", () => ({
    bucket: (bucket) => ({
      readLog: async (query) => {
        try {
          return await bucket.readLog(query, call);
        } catch (error) {
          if (!isKeyValueError(error, "UNAVAILABLE")) throw error;
          throw new KeyValueError("INTERNAL", "the connection was lost");
        }
      },
    }),
  })),
  mutant("W10", "delivers the last entry again after it reconnected", (server) =>
    onItems(async function* (items) {
      let seen = server.outages;
      let last: Item = null;
      for await (const item of items) {
        if (server.outages !== seen && last !== null) yield last;
        seen = server.outages;
        last = item;
        yield item;
      }
    }),
  ),
  waitingMutant("W10", "misses what was written while it reconnected", (server) =>
    onItems(async function* (items) {
      let seen = server.outages;
      for await (const item of items) {
        if (server.outages === seen || item === null) yield item;
        seen = server.outages;
      }
    }),
  ),
  mutant("W10", "loses the initial set that was not read before the connection", (server) =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const begun = server.outages;
        return withItems(await kv.watch(filter, options), async function* (items) {
          let live = false;
          for await (const item of items) {
            live ||= item === null;
            if (live || server.outages === begun) yield item;
          }
        });
      },
    })),
  ),
  mutant("W10", "cannot resume once the storage was away", (server) =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        if (options?.resumeFromRevision !== undefined && server.outages > 0) {
          throw new KeyValueError("HISTORY_LOST", "the connection was lost");
        }
        return await kv.watch(filter, options);
      },
    })),
  ),
  mutant("W13", "does not know what was removed for good", () => compacting(() => 0)),
  mutant("W13", "ends a watcher that starts afresh for what was removed before", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const { compactedTo, lastRevision } = await kv.status();
        if (compactedTo > 0 && compactedTo === lastRevision) {
          throw new KeyValueError("REVISION_COMPACTED", "compacted");
        }
        return await kv.watch(filter, options);
      },
    })),
  ),
  mutant("W13", "lets a watcher resume one revision too early", () => compacting((known) => Math.max(0, known - 1))),
  mutant("W13", "takes a value that expired for a compaction", () => {
    const puts = new Map<string, number>();
    const layer = compacting(async (known, bucket) => {
      let compactedTo = known;
      for (const [id, revision] of puts) {
        const [incarnation, key = ""] = id.split(" ");
        if (incarnation !== bucket.incarnation || (await bucket.read([key], call))[0] !== undefined) continue;
        compactedTo = Math.max(compactedTo, revision);
      }
      return compactedTo;
    });
    const noting = afterWrites(({ incarnation }, [write], outcome) => {
      const [revision = 0] = isRefused(outcome) ? [] : (outcome as readonly number[]);
      if (write?.op === "put") puts.set(`${incarnation} ${write.key}`, revision);
      return undefined;
    });
    return { bucket: (bucket) => ({ ...layer.bucket?.(bucket), ...noting.bucket?.(bucket) }) };
  }),
  mutant("W13", "takes a marker that history trimmed or a purge replaced for a compaction", () => {
    const markers = new Map<string, number>();
    const replaced = new Map<string, number>();
    const layer = compacting((known, { incarnation }) => Math.max(known, replaced.get(incarnation) ?? 0));
    const noting = afterWrites(({ incarnation }, unit, outcome) => {
      if (isRefused(outcome)) return undefined;
      for (const [index, { key, op }] of unit.entries()) {
        const id = `${incarnation} ${key}`;
        const marker = markers.get(id);
        if (marker !== undefined) replaced.set(incarnation, Math.max(marker, replaced.get(incarnation) ?? 0));
        markers.delete(id);
        if (op === "delete") markers.set(id, (outcome as readonly number[])[index] ?? 0);
      }
      return undefined;
    });
    return { bucket: (bucket) => ({ ...layer.bucket?.(bucket), ...noting.bucket?.(bucket) }) };
  }),
  mutant("W13", "ends a watcher that has read the marker already", () =>
    compacting((known) => (known === 0 ? 0 : known + 1)),
  ),
  mutant("W13", "takes a purgeDeletes that removed nothing for a compaction", () =>
    onCalls((kv) => {
      let purged = 0;
      return {
        purgeDeletes: async (options) => {
          const removed = await kv.purgeDeletes(options);
          purged = (await kv.status()).lastRevision;
          return removed;
        },
        watch: async (filter, options) => {
          const from = options?.resumeFromRevision ?? Number.POSITIVE_INFINITY;
          if (from <= purged) throw new KeyValueError("REVISION_COMPACTED", "purged");
          return await kv.watch(filter, options);
        },
      };
    }),
  ),
  mutant("W13", "resumes from what is left when a marker is gone", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        try {
          return await kv.watch(filter, options);
        } catch (error) {
          if (!isKeyValueError(error, "REVISION_COMPACTED")) throw error;
          return await watchedFrom(kv, filter, error.compactedTo + 1);
        }
      },
    })),
  ),
  mutant("W13", "goes on behind a marker that was removed while it read the history", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        if (options?.includeHistory !== true && options?.resumeFromRevision === undefined) return watcher;
        return withItems(watcher, async function* (items) {
          try {
            yield* items;
          } catch (error) {
            if (!isKeyValueError(error, "REVISION_COMPACTED")) throw error;
            yield* await watchedFrom(kv, filter, error.compactedTo + 1);
          }
        });
      },
    })),
  ),
  mutant("W14", "resumes on a storage that never got so far", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        try {
          return await kv.watch(filter, options);
        } catch (error) {
          if (!isKeyValueError(error, "HISTORY_LOST")) throw error;
          return await kv.watch(filter);
        }
      },
    })),
  ),
];
