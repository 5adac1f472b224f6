import { setTimeout as delay } from "node:timers/promises";
import type { KeyValueManager } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import { afterTurns, call, onCalls, onItems } from "./layers.ts";
import type { Item, Mutant } from "./mutant.ts";
import { mutant, overriding, waitingMutant } from "./mutant.ts";

/** Adapters that fail in another way than they should, or do not fail (rules E1 to E5, W11). */
export const failureMutants: readonly Mutant[] = [
  mutant("E1", "throws instead of rejecting", () =>
    onCalls((kv) => ({
      put: (key, value, options) => {
        if (typeof value !== "string" && !(value instanceof Uint8Array)) {
          throw new KeyValueError("INVALID_ARGUMENT", "no value");
        }
        return kv.put(key, value, options);
      },
    })),
  ),
  mutant("E1", "throws when a listing is asked for", () =>
    onCalls((kv) => ({
      listKeys: (filter, options) => {
        if (filter === "a..b") throw new KeyValueError("INVALID_KEY", "no filter");
        return kv.listKeys(filter, options);
      },
    })),
  ),
  mutant("E1", "rejects with the driver's own error", () =>
    onCalls((kv) => ({
      create: async (key, value, options) => {
        try {
          return await kv.create(key, value, options);
        } catch (error) {
          if (!isKeyValueError(error, "KEY_EXISTS")) throw error;
          throw new Error("UNIQUE constraint failed");
        }
      },
    })),
  ),
  mutant("E1", "rejects an aborted call with an error of its own", () =>
    onCalls((kv) => ({
      get: async (key, options) => {
        if (options?.signal?.aborted) throw new KeyValueError("TIMEOUT", "aborted", { cause: options.signal.reason });
        return await kv.get(key, options);
      },
    })),
  ),
  mutant("E1", "fails a whole batch for one write in it", () => ({
    bucket: (bucket) => ({
      commit: async (units) => {
        await new Promise((resolve) => setImmediate(resolve));
        const outcomes = await bucket.commit(units, call);
        if (outcomes.some((outcome) => "refused" in outcome && outcome.refused === "value-too-large")) {
          throw new KeyValueError("INTERNAL", "the batch failed");
        }
        return outcomes;
      },
    }),
  })),
  mutant("E1", "swallows the failure of a delete", () =>
    onCalls((kv) => ({ delete: (key, options) => kv.delete(key, options).catch(() => 0) })),
  ),
  mutant("E2", "ignores options that it does not know", () =>
    onCalls((kv) => ({
      get: (key, options) => kv.get(key, options && { signal: options.signal }),
    })),
  ),
  mutant("E2", "takes anything for true or false", () =>
    onCalls((kv) => ({
      history: (filter, options) => kv.history(filter, options && { ...options, metaOnly: Boolean(options.metaOnly) }),
    })),
  ),
  mutant("E2", "stores numbers as text", () =>
    onCalls((kv) => ({
      put: (key, value, options) => kv.put(key, typeof value === "number" ? String(value) : value, options),
    })),
  ),
  mutant("E2", "carries transactions out that it does not claim", () => ({
    capabilities: { transactions: false },
    keyValue: (kv) => ({
      transaction: async (operations) => {
        const revisions: number[] = [];
        for (const operation of operations) {
          if (operation.op === "put") revisions.push(await kv.put(operation.key, operation.value));
        }
        return revisions;
      },
    }),
  })),
  mutant("E2", "ignores a ttl that it cannot honour", () => ({
    capabilities: { perKeyTtl: false },
    keyValue: (kv) => ({ put: (key, value, options) => kv.put(key, value, options && { signal: options.signal }) }),
  })),
  mutant("E2", "goes by the first of several filters, which it does not claim", () => ({
    capabilities: { multipleFilters: false },
    keyValue: (kv) => ({
      keys: (filter, options) => kv.keys(Array.isArray(filter) ? filter[0] : filter, options),
    }),
  })),
  mutant("E2", "judges a ttl by the config of the moment when the bucket was opened", () =>
    onCalls((kv) => {
      const opened = kv.status();
      return {
        put: async (key, value, options) => {
          if (options?.ttl !== undefined && (await opened).limitMarkerTtl === undefined) {
            throw new KeyValueError("INVALID_ARGUMENT", "the bucket has no limitMarkerTtl");
          }
          return await kv.put(key, value, options);
        },
      };
    }),
  ),
  mutant("E2", "asks the storage before it looks at the arguments", () =>
    onCalls((kv) => ({
      update: async (key, value, last, options) => {
        await kv.status();
        return await kv.update(key, value, last, options);
      },
    })),
  ),
  mutant("E2", "refuses an option that is undefined", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        if (options !== undefined && "ttl" in options && options.ttl === undefined) {
          throw new KeyValueError("INVALID_ARGUMENT", "ttl is a number");
        }
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("E2", "knows no signal in a listing of buckets", () => ({
    manager: (manager) => ({
      keyValueStores: async function* (options) {
        if (options?.signal !== undefined) throw new KeyValueError("UNSUPPORTED", "no signal here");
        yield* manager.keyValueStores(options);
      },
    }),
  })),
  mutant("E2", "skips what is missing in a list of operations", () =>
    onCalls((kv) => ({
      transaction: (operations, options) =>
        kv.transaction(
          operations.filter(() => true),
          options,
        ),
    })),
  ),
  mutant("E2", "takes an array for options without any", () =>
    onCalls((kv) => ({
      purgeDeletes: (options) => kv.purgeDeletes(Array.isArray(options) ? {} : options),
    })),
  ),
  mutant("E2", "takes a map for metadata without any", () => ({
    manager: (manager) => ({
      createKeyValue: (config, options) =>
        manager.createKeyValue(config.metadata instanceof Map ? { ...config, metadata: {} } : config, options),
    }),
  })),
  mutant("E3", "ignores the signal of a read", () => onCalls((kv) => ({ get: (key) => kv.get(key) }))),
  mutant("E3", "carries a write out whose signal was aborted before", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        if (options?.signal?.aborted) {
          await kv.put(key, value);
          throw options.signal.reason;
        }
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("E3", "goes on with a listing that was aborted", () =>
    onCalls((kv) => ({ listKeys: (filter) => kv.listKeys(filter) })),
  ),
  mutant("E3", "has a deadline for a watcher that waits", () =>
    onItems(async function* (items) {
      const iterator = items[Symbol.asyncIterator]();
      try {
        for (;;) {
          const late = delay(1500).then(() => {
            throw new KeyValueError("TIMEOUT", "nothing came");
          });
          const item: IteratorResult<Item> = await Promise.race([iterator.next(), late]);
          late.catch(() => undefined);
          if (item.done === true) return;
          yield item.value;
        }
      } finally {
        await iterator.return?.();
      }
    }),
  ),
  mutant("E3", "takes a timeout that is none for the default", () => ({ options: () => ({}) })),
  waitingMutant("E3", "waits for ever while the storage is away", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        try {
          return await kv.put(key, value, options);
        } catch (error) {
          if (!isKeyValueError(error, "UNAVAILABLE")) throw error;
          return await new Promise<number>(() => undefined);
        }
      },
    })),
  ),
  mutant("E3", "says that a write succeeded while the storage is away", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        try {
          return await kv.put(key, value, options);
        } catch (error) {
          if (!isKeyValueError(error, "UNAVAILABLE")) throw error;
          return 1;
        }
      },
    })),
  ),
  mutant("E3", "aborts every write that waits with the one that was aborted", () => {
    const waiting = new Set<(reason: unknown) => void>();
    return onCalls((kv) => ({
      put: (key, value, options) =>
        new Promise<number>((resolve, reject) => {
          waiting.add(reject);
          options?.signal?.addEventListener("abort", () => {
            for (const give of waiting) give(options.signal?.reason);
          });
          setImmediate(() => {
            waiting.delete(reject);
            kv.put(key, value, options).then(resolve, reject);
          });
        }),
    }));
  }),
  mutant("E3", "ties a bucket to the signal of the call that opened it", () => ({
    manager: (manager) => ({
      keyValue: async (bucket, opening) => {
        const kv = await manager.keyValue(bucket, opening);
        return overriding(kv, { get: (key, options) => kv.get(key, { ...opening, ...options }) });
      },
    }),
  })),
  waitingMutant("E3", "never settles a call that is aborted while it runs", () =>
    onCalls((kv) => ({
      get: async (key, options) => {
        await new Promise((resolve) => setImmediate(resolve));
        return options?.signal?.aborted ? await new Promise(() => undefined) : await kv.get(key, options);
      },
    })),
  ),
  mutant("E4", "drops the writes in flight when it is closed", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        await new Promise((resolve) => setImmediate(resolve));
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("E4", "works on after it was closed", () => ({ manager: () => ({ close: async () => undefined }) })),
  mutant("E4", "fails when it is closed again", () => ({
    manager: (manager) => {
      let closed = false;
      return {
        close: async () => {
          if (closed) throw new KeyValueError("CLOSED", "closed already");
          closed = true;
          await manager.close();
        },
      };
    },
  })),
  mutant("E4", "cannot be disposed of", () => ({
    manager: () => ({ [Symbol.asyncDispose]: async () => undefined }),
  })),
  mutant("E4", "closes every manager of the storage with one", () => {
    const managers: KeyValueManager[] = [];
    return {
      manager: (manager) => {
        managers.push(manager);
        return { close: async () => void (await Promise.all(managers.map((other) => other.close()))) };
      },
    };
  }),
  mutant("E4", "ends watchers with an error when it is closed", () => {
    let closing = false;
    return {
      manager: (manager) => ({
        close: async () => {
          closing = true;
          await manager.close();
        },
      }),
      items: async function* (items) {
        yield* items;
        if (closing) throw new KeyValueError("CLOSED", "the manager was closed");
      },
    };
  }),
  mutant("E5", "refuses more than a thousand writes at once", () =>
    onCalls((kv) => {
      let waiting = 0;
      return {
        put: async (key, value, options) => {
          if (waiting >= 1000) throw new KeyValueError("TIMEOUT", "too many writes");
          waiting += 1;
          try {
            await new Promise((resolve) => setImmediate(resolve));
            return await kv.put(key, value, options);
          } finally {
            waiting -= 1;
          }
        },
      };
    }),
  ),
  mutant("E5", "drops writes when there are too many", () =>
    onCalls((kv) => {
      let waiting = 0;
      return {
        put: async (key, value, options) => {
          waiting += 1;
          const revision = waiting > 1000 ? waiting : await kv.put(key, value, options);
          waiting -= 1;
          return revision;
        },
      };
    }),
  ),
  mutant("E5", "lets later writes overtake those that wait", () =>
    onCalls((kv) => {
      let count = 0;
      return {
        put: async (key, value, options) => {
          count += 1;
          if (count % 700 === 1) await afterTurns(20);
          return await kv.put(key, value, options);
        },
      };
    }),
  ),
  mutant("E5", "says that a write was never sent that was carried out", () =>
    onCalls((kv) => {
      const carryOut = async (key: string, value: Uint8Array | string): Promise<never> => {
        try {
          await kv.put(key, value);
        } catch (error) {
          if (!isKeyValueError(error, "UNAVAILABLE")) throw error;
          await delay(20);
          return await carryOut(key, value);
        }
        throw new KeyValueError("TIMEOUT", "it was never sent");
      };
      return {
        put: async (key, value, options) => {
          try {
            return await kv.put(key, value, options);
          } catch (error) {
            if (!isKeyValueError(error, "UNAVAILABLE")) throw error;
            return await carryOut(key, value);
          }
        },
      };
    }),
  ),
  mutant("E5", "mixes up large values that are written at once", () =>
    onCalls((kv) => {
      let last: Uint8Array | string = "";
      return {
        put: async (key, value, options) => {
          if (value.length < 1_000_000) return await kv.put(key, value, options);
          last = value;
          await new Promise((resolve) => setImmediate(resolve));
          return await kv.put(key, last, options);
        },
      };
    }),
  ),
  mutant("W11", "looks for what others have written five times a second", () => ({
    bucket: (bucket) => {
      let own = false;
      return {
        commit: (units) => {
          own = true;
          queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => (own = false)))));
          return bucket.commit(units, call);
        },
        subscribe: async (wake) => {
          const timer = setInterval(wake, 200).unref();
          const end = await bucket.subscribe(() => {
            if (own) wake();
          }, call);
          return () => {
            clearInterval(timer);
            end();
          };
        },
      };
    },
  })),
];
