import type { KeyValueEntry } from "@revkv/api";
import { isKeyValueError, KeyExistsError, KeyValueError } from "@revkv/api";
import type { BucketStorage, OpenedBucket } from "@revkv/api/adapter";
import { call, onCalls, onItems, onRows, onWrites, put, secretConfig } from "./layers.ts";
import type { Item, Layer, Mutant } from "./mutant.ts";
import { mutant, overriding, waitingMutant } from "./mutant.ts";

/** A layer that remembers the entries that were put, and forgets them only when they are deleted or purged. */
function remembering(over: (puts: Map<string, KeyValueEntry[]>) => Layer["keyValue"] & {}): Layer {
  const puts = new Map<string, KeyValueEntry[]>();
  return onCalls((kv) => {
    const overrides = over(puts)(kv);
    const wrote = async (key: string, revision: number): Promise<number> => {
      const entry = await kv.getRevision(key, revision);
      if (entry !== null) puts.set(key, [...(puts.get(key) ?? []), entry]);
      return revision;
    };
    return {
      ...overrides,
      put: async (key, value, options) => await wrote(key, await kv.put(key, value, options)),
      create: async (key, value, options) =>
        await wrote(key, await (overrides.create ?? kv.create)(key, value, options)),
      delete: async (key, options) => {
        const revision = await (overrides.delete ?? kv.delete)(key, options);
        puts.delete(key);
        return revision;
      },
      purge: async (key, options) => {
        const revision = await kv.purge(key, options);
        puts.delete(key);
        return revision;
      },
    };
  });
}

/** Adapters that are wrong about expiry (rules T1 to T9). */
export const expiryMutants: readonly Mutant[] = [
  mutant("T1", "lets entries live on for half a second", () => ({
    advance: (milliseconds) => (milliseconds > 500 ? milliseconds - 500 : milliseconds),
  })),
  mutant("T1", "gives expired entries by their revision", () =>
    remembering((puts) => (kv) => ({
      getRevision: async (key, revision, options) => {
        const kept = puts.get(key)?.find((entry) => entry.revision === revision);
        return (await kv.getRevision(key, revision, options)) ?? kept ?? null;
      },
    })),
  ),
  mutant("T1", "keeps expired entries in the history", () =>
    remembering((puts) => (kv) => ({
      history: async (filter, options) => {
        const entries = await kv.history(filter, options);
        return entries.length > 0 || typeof filter !== "string" ? entries : (puts.get(filter) ?? []);
      },
    })),
  ),
  mutant("T1", "goes on with the ttl that the bucket had first", () => {
    const first = new Map<string, number | undefined>();
    return secretConfig(({ ttl, ...config }) => {
      if (!first.has(config.bucket)) first.set(config.bucket, ttl);
      const kept = first.get(config.bucket);
      return kept === undefined ? config : { ...config, ttl: kept };
    });
  }),
  mutant("T1", "tells no date for a deadline beyond all dates", () => ({
    entry: ({ created, expiresAt }) =>
      expiresAt !== undefined && expiresAt.getTime() - created.getTime() > 1e15
        ? { expiresAt: new Date(Number.NaN) }
        : {},
  })),
  mutant("T1", "lets no marker age", () => {
    const markers = new Map<string, KeyValueEntry>();
    return onCalls((kv) => ({
      delete: async (key, options) => {
        const revision = await kv.delete(key, options);
        const marker = (await kv.history(key)).at(-1);
        if (marker !== undefined) markers.set(`${kv.bucket} ${key}`, marker);
        return revision;
      },
      history: async (filter, options) => {
        const entries = await kv.history(filter, options);
        if (entries.length > 0) return entries;
        return [...markers].filter(([id]) => id.startsWith(`${kv.bucket} `)).map(([, marker]) => marker);
      },
    }));
  }),
  mutant("T2", "leaves no expiry marker", () => onRows((row) => (row.expired ? undefined : row))),
  mutant("T2", "leaves expiry markers in every bucket", () =>
    secretConfig((config) => ({ limitMarkerTtl: 60_000, ...config })),
  ),
  mutant("T2", "does not say that a marker is one of expiry", () => ({ entry: () => ({ reason: undefined }) })),
  mutant("T2", "keeps expiry markers for ever", () =>
    secretConfig((config) =>
      config.limitMarkerTtl === undefined ? config : { ...config, limitMarkerTtl: config.limitMarkerTtl * 10_000 },
    ),
  ),
  waitingMutant("T2", "leaves the expiries of others to those who wrote, who may be gone", () => ({
    storage: (storage) => {
      let hasWritten = false;
      const noting = <T extends OpenedBucket>(opened: T): T => {
        const commit: BucketStorage["commit"] = (...args) => {
          hasWritten = true;
          return opened.bucket.commit(...args);
        };
        return { ...opened, bucket: overriding(opened.bucket, { commit }) };
      };
      return {
        createBucket: async (...args) => noting(await storage.createBucket(...args)),
        openBucket: async (...args) => {
          const opened = await storage.openBucket(...args);
          return opened && noting(opened);
        },
        sweep: async (...args) => (hasWritten ? await storage.sweep(...args) : { next: 20 }),
      };
    },
  })),
  waitingMutant("T2", "carries an expiry out when somebody looks at the bucket next", () => ({
    storage: () => ({ sweep: () => ({ next: undefined }) }),
  })),
  mutant("T3", "writes without the ttl where the bucket cannot have one", () => ({
    bucket: (bucket) => ({
      commit: async (units) => {
        const { limitMarkerTtl } = (await bucket.describe(call)).config;
        if (limitMarkerTtl !== undefined) return await bucket.commit(units, call);
        return await bucket.commit(
          units.map((unit) => unit.map((write) => ({ ...write, ttl: undefined }))),
          call,
        );
      },
    }),
  })),
  mutant("T3", "takes milliseconds for seconds", () =>
    onWrites((unit) => unit.map((write) => (write.ttl === undefined ? write : { ...write, ttl: write.ttl * 1000 }))),
  ),
  mutant("T3", "ignores the ttl of an update", () =>
    onCalls((kv) => ({
      update: (key, value, last, options) => kv.update(key, value, last, options && { ...options, ttl: undefined }),
    })),
  ),
  mutant("T3", "takes a ttl of 0 for none", () =>
    onCalls((kv) => ({
      put: (key, value, options) => kv.put(key, value, options?.ttl === 0 ? { ...options, ttl: undefined } : options),
    })),
  ),
  mutant("T3", "ignores the ttl of a purge", () =>
    onWrites((unit) => unit.map((write) => (write.op === "purge" ? { ...write, ttl: undefined } : write))),
  ),
  mutant("T4", "gives the value before when the newest has expired", () =>
    remembering((puts) => (kv) => ({
      get: async (key, options) => (await kv.get(key, options)) ?? puts.get(key)?.at(-2) ?? null,
    })),
  ),
  mutant("T4", "gives a key the ttl that it had before", () =>
    onCalls((kv) => {
      const ttls = new Map<string, number>();
      return {
        put: async (key, value, options) => {
          const ttl = options?.ttl ?? ttls.get(key);
          if (ttl !== undefined) ttls.set(key, ttl);
          return await kv.put(key, value, ttl === undefined ? options : { ...options, ttl });
        },
      };
    }),
  ),
  mutant("T4", "leaves the history of an expired key there", () =>
    remembering((puts) => (kv) => ({
      history: async (filter, options) => {
        const entries = await kv.history(filter, options);
        const before = typeof filter === "string" ? (puts.get(filter)?.slice(0, -1) ?? []) : [];
        return entries.some(({ operation }) => operation === "PUT") ? entries : [...before, ...entries];
      },
    })),
  ),
  mutant("T4", "gives the value behind a marker when the marker has lapsed", () =>
    onCalls((kv) => {
      const before = new Map<string, KeyValueEntry>();
      return {
        purge: async (key, options) => {
          const entry = await kv.get(key);
          if (entry !== null) before.set(key, entry);
          return await kv.purge(key, options);
        },
        get: async (key, options) => {
          const entry = await kv.get(key, options);
          const lapsed = entry === null && (await kv.history(key)).length === 0;
          return lapsed ? (before.get(key) ?? null) : entry;
        },
      };
    }),
  ),
  mutant("T5", "cannot create over an expiry marker", () =>
    onCalls((kv) => ({
      create: async (key, value, options) => {
        const newest = (await kv.history(key)).at(-1);
        if (newest?.reason === "expired") throw new KeyExistsError(key, newest.revision);
        return await kv.create(key, value, options);
      },
    })),
  ),
  mutant("T5", "cannot create over a value that expired and was not swept", () =>
    remembering((puts) => (kv) => ({
      create: async (key, value, options) => {
        const before = puts.get(key)?.at(-1);
        if (before !== undefined) throw new KeyExistsError(key, before.revision);
        return await kv.create(key, value, options);
      },
    })),
  ),
  mutant("T6", "has each manager go by a clock of its own", () => {
    let handles = 0;
    return onCalls((kv) => {
      handles += 1;
      const skew = 60_000 * handles;
      return {
        history: async (filter, options) =>
          (await kv.history(filter, options)).map((entry) =>
            overriding(entry, { created: new Date(entry.created.getTime() + skew) }),
          ),
      };
    });
  }),
  mutant("T7", "has each manager write a marker when it sees one", () => ({
    bucket: (bucket) => {
      const seen = new Set<number>();
      const own = onRows((row) => (row.operation === "PURGE" ? { ...row, expired: true } : row));
      return {
        ...own.bucket?.(bucket),
        readLog: async (query) => {
          const page = await bucket.readLog(query, call);
          for (const row of page.rows) {
            if (!row.expired || seen.has(row.revision)) continue;
            seen.add(row.revision);
            await bucket.commit([[{ ...put(row.key), op: "purge" }]], call);
          }
          return { ...page, rows: page.rows.map((row) => ({ ...row, expired: row.operation === "PURGE" })) };
        },
      };
    },
  })),
  mutant("T8", "ignores a ttl on delete", () =>
    onCalls((kv) => ({
      delete: (key, options) => {
        const { ttl: _, ...others } = { ttl: undefined, ...options };
        return kv.delete(key, options && others);
      },
    })),
  ),
  mutant("T8", "deletes first and then refuses the ttl", () =>
    onCalls((kv) => ({
      delete: async (key, options) => {
        if (options !== undefined && "ttl" in options) {
          await kv.delete(key);
          throw new KeyValueError("INVALID_ARGUMENT", "ttl is no option of delete");
        }
        return await kv.delete(key, options);
      },
    })),
  ),
  mutant("T9", "lets an update against an expired revision through", () =>
    remembering((puts) => (kv) => ({
      update: async (key, value, last, options) => {
        try {
          return await kv.update(key, value, last, options);
        } catch (error) {
          const expired = puts.get(key)?.at(-1)?.revision === last && (await kv.get(key)) === null;
          if (!isKeyValueError(error, "REVISION_MISMATCH") || !expired) throw error;
          return await kv.put(key, value, options);
        }
      },
    })),
  ),
  mutant("T9", "delivers an expiry marker behind the value that came after it", () =>
    onItems(async function* (items) {
      let held: Item | undefined;
      for await (const item of items) {
        if (item?.reason === "expired" && held === undefined) {
          held = item;
          continue;
        }
        yield item;
        if (held !== undefined) yield held;
        held = undefined;
      }
    }),
  ),
  mutant("T9", "counts a key as live until its expiry was swept", () =>
    remembering((puts) => (kv) => ({
      create: async (key, value, options) => {
        const before = puts.get(key)?.at(-1);
        if (before !== undefined && (await kv.get(key)) === null) throw new KeyExistsError(key, before.revision);
        return await kv.create(key, value, options);
      },
    })),
  ),
  mutant("T9", "lets a removal against an expired revision through", () =>
    remembering((puts) => (kv) => ({
      delete: async (key, options) => {
        const expired = puts.get(key)?.at(-1)?.revision === options?.lastRevision && (await kv.get(key)) === null;
        return await kv.delete(key, expired ? {} : options);
      },
    })),
  ),
  mutant("T9", "checks in a transaction what has expired as if it were there", () =>
    remembering((puts) => (kv) => ({
      transaction: async (operations, options) => {
        const through = operations.map((operation) => {
          const last = puts.get(operation.key)?.at(-1)?.revision;
          if (operation.op !== "update" || operation.lastRevision !== last) return operation;
          return { op: "put", key: operation.key, value: operation.value } as const;
        });
        return await kv.transaction(through, options);
      },
    })),
  ),
];
