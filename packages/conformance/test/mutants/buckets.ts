import type { KeyValueConfig, KeyValueStatus, NormalizedConfig } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { BucketStorage } from "@revkv/api/adapter";
import { call, onCalls, onItems, onManager } from "./layers.ts";
import type { Mutant } from "./mutant.ts";
import { mutant, overriding } from "./mutant.ts";

/** Every field that an update can change, set back to its default. */
const defaults: Omit<KeyValueConfig, "bucket"> = {
  description: null,
  history: null,
  ttl: null,
  maxValueSize: null,
  maxBytes: null,
  metadata: null,
};

/** A bucket that is looked up by its name each time. */
function byName(
  bucket: BucketStorage,
  find: () => Promise<{ readonly bucket: BucketStorage } | undefined>,
): BucketStorage {
  return new Proxy(bucket, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]) => {
        const current = (await find())?.bucket ?? target;
        return await (Reflect.get(current, name, current) as (...args: unknown[]) => unknown).apply(current, args);
      };
    },
  });
}

/** Adapters that are wrong about buckets as such (rules B1 to B4, B7, B8, B11, B12). */
export const bucketMutants: readonly Mutant[] = [
  mutant("B1", "opens buckets by names with a dot", () =>
    onManager((manager) => ({
      keyValue: (bucket, options) =>
        manager.keyValue(typeof bucket === "string" ? bucket.replaceAll(".", "_") : bucket, options),
    })),
  ),
  mutant("B1", "takes upper for lower case in names of buckets", () => ({
    storage: (storage) => ({
      openBucket: (name) => storage.openBucket(name.toLowerCase(), call),
      createBucket: async (config) => ({
        ...(await storage.createBucket({ ...config, bucket: config.bucket.toLowerCase() }, call)),
        config,
      }),
    }),
  })),
  mutant("B1", "refuses a name that begins with -", () =>
    onManager((manager) => ({
      createKeyValue: async (config, options) => {
        if (config?.bucket?.startsWith?.("-")) throw new KeyValueError("INVALID_BUCKET_NAME", "no");
        return await manager.createKeyValue(config, options);
      },
    })),
  ),
  mutant("B2", "opens a bucket that exists whatever its config", () => ({
    storage: (storage) => ({
      createBucket: async (config) => ({ ...(await storage.createBucket(config, call)), config }),
    }),
  })),
  mutant("B2", "refuses to create what exists with the same config", () => ({
    storage: (storage) => ({
      createBucket: async (config) => {
        const created = await storage.createBucket(config, call);
        if (!created.created) throw new KeyValueError("BUCKET_EXISTS", "it exists");
        return created;
      },
    }),
  })),
  mutant("B2", "compares with the config that a bucket was created with", () => {
    const first = new Map<string, NormalizedConfig>();
    return {
      storage: (storage) => ({
        createBucket: async (config) => {
          const created = await storage.createBucket(config, call);
          if (created.created) first.set(config.bucket, config);
          return { ...created, config: first.get(config.bucket) ?? config };
        },
      }),
    };
  }),
  mutant("B2", "leaves metadata out of the comparison", () => ({
    storage: (storage) => ({
      createBucket: async (config) => {
        const created = await storage.createBucket(config, call);
        return { ...created, config: { ...created.config, metadata: config.metadata } };
      },
    }),
  })),
  mutant("B3", "creates a bucket that is opened and is not there", () => ({
    storage: (storage) => ({
      openBucket: async (name) =>
        (await storage.openBucket(name, call)) ??
        (await storage.createBucket({ bucket: name, history: 1, compression: false, metadata: {} }, call)),
    }),
  })),
  mutant("B3", "deletes what is not there", () => ({
    storage: (storage) => ({
      deleteBucket: async (name) => {
        await storage.deleteBucket(name, call);
        return true;
      },
    }),
  })),
  mutant("B4", "replaces the whole config with an update", () =>
    onManager((manager) => ({
      updateKeyValue: (config, options) => manager.updateKeyValue({ ...defaults, ...config }, options),
    })),
  ),
  mutant("B4", "takes null for left out in an update", () =>
    onManager((manager) => ({
      updateKeyValue: (config, options) => {
        const given = Object.entries(config).filter(([, value]) => value !== null);
        return manager.updateKeyValue(Object.fromEntries(given) as unknown as KeyValueConfig, options);
      },
    })),
  ),
  mutant("B4", "loses one of two updates at the same time", () => ({
    bucket: (bucket) => ({
      configure: async (_, to) => {
        await new Promise((resolve) => setImmediate(resolve));
        const { config } = await bucket.describe(call);
        return await bucket.configure(config, to, call);
      },
    }),
  })),
  mutant("B4", "carries out the good half of an update that it refuses", () =>
    onManager((manager) => ({
      updateKeyValue: async (config, options) => {
        const { bucket, description } = config;
        if (description !== undefined) await manager.updateKeyValue({ bucket, description });
        return await manager.updateKeyValue(config, options);
      },
    })),
  ),
  mutant("B4", "refuses to update with createOrUpdate", () =>
    onManager((manager) => ({
      createOrUpdateKeyValue: (config, options) => manager.createKeyValue(config, options),
    })),
  ),
  mutant("B4", "compresses where it said that it cannot", () =>
    onManager((manager) => ({
      createKeyValue: (config, options) =>
        manager.createKeyValue(config?.compression === true ? { ...config, compression: false } : config, options),
    })),
  ),
  mutant("B7", "lists buckets in the order of a dictionary", () => ({
    storage: (storage) => ({
      bucketNames: async (after, limit) => {
        const names = [...(await storage.bucketNames("", 10_000, call))].sort((a, b) => a.localeCompare(b));
        const start = after === "" ? 0 : names.indexOf(after) + 1;
        return names.slice(start, start + limit);
      },
    }),
  })),
  mutant("B7", "lists the last bucket of a page again on the next", () =>
    onManager((manager) => ({
      keyValueStoreNames: async function* (options) {
        let listed = 0;
        for await (const name of manager.keyValueStoreNames(options)) {
          yield name;
          listed += 1;
          if (listed % 1000 === 0) yield name;
        }
      },
    })),
  ),
  mutant("B7", "lists no more than the first thousand buckets", () =>
    onManager((manager) => ({
      keyValueStores: async function* (options) {
        let listed = 0;
        for await (const status of manager.keyValueStores(options)) {
          yield status;
          listed += 1;
          if (listed === 1000) return;
        }
      },
    })),
  ),
  mutant("B7", "goes on with a listing by the number of buckets that it has listed", () => ({
    storage: (storage) => {
      let offset = 0;
      return {
        bucketNames: async (after) => {
          if (after === "") offset = 0;
          const names = (await storage.bucketNames("", 10_000, call)).slice(offset, offset + 8);
          offset += names.length;
          return names;
        },
      };
    },
    manager: (manager) => ({
      keyValueStoreNames: async function* (options) {
        for (let offset = 0; ; offset += 8) {
          const names: string[] = [];
          for await (const name of manager.keyValueStoreNames(options)) names.push(name);
          const page = names.slice(offset, offset + 8);
          yield* page;
          if (page.length < 8) return;
        }
      },
    }),
  })),
  mutant("B7", "lists the same buckets for every listing that is open", () =>
    onManager((manager) => {
      const names = manager.keyValueStoreNames()[Symbol.asyncIterator]();
      return { keyValueStoreNames: () => ({ [Symbol.asyncIterator]: () => names }) };
    }),
  ),
  mutant("B7", "fails to list what is not there", () =>
    onManager((manager) => ({
      keyValueStores: async function* (options) {
        let listed = 0;
        for await (const status of manager.keyValueStores(options)) {
          listed += 1;
          yield status;
        }
        if (listed === 0) throw new KeyValueError("BUCKET_NOT_FOUND", "there are no buckets");
      },
    })),
  ),
  mutant("B8", "counts live keys only", () =>
    onCalls((kv) => ({
      status: async (options) => ({ ...(await kv.status(options)), values: (await kv.keys()).length }),
    })),
  ),
  mutant("B8", "counts the bytes of values only", () =>
    onCalls((kv) => ({
      status: async (options) => {
        const lengths = (await kv.history(">")).map(({ length }) => length);
        return { ...(await kv.status(options)), bytes: lengths.reduce((sum, length) => sum + length, 0) };
      },
    })),
  ),
  mutant("B8", "says 0 where a duration is not set", () =>
    onCalls((kv) => ({
      status: async (options) => {
        const status = await kv.status(options);
        return { ...status, ttl: status.ttl ?? 0 };
      },
    })),
  ),
  mutant("B8", "takes the name of a bucket for its incarnation", () =>
    onCalls((kv) => ({ status: async (options) => ({ ...(await kv.status(options)), incarnation: kv.bucket }) })),
  ),
  mutant("B8", "tells the config of the moment when the bucket was opened", () =>
    onCalls((kv) => {
      const opened = kv.status();
      return { status: async (options) => ({ ...(await kv.status(options)), config: (await opened).config }) };
    }),
  ),
  mutant("B8", "loses what is not ASCII in metadata", () =>
    onCalls((kv) => ({
      status: async (options) => {
        const status = await kv.status(options);
        const ascii = Object.entries(status.metadata).filter(([name]) => /^[ -~]+$/.test(name));
        return { ...status, metadata: Object.fromEntries(ascii) };
      },
    })),
  ),
  mutant("B8", "gives everybody its own config object", () => {
    const configs = new Map<string, KeyValueStatus["config"]>();
    return onCalls((kv) => ({
      status: async (options) => {
        const status = await kv.status(options);
        const config = configs.get(kv.bucket) ?? { ...status.config };
        configs.set(kv.bucket, config);
        return { ...status, config };
      },
    }));
  }),
  mutant("B8", "counts what has expired until it is swept", () => {
    const most = new Map<string, number>();
    return onCalls((kv) => ({
      status: async (options) => ({ ...(await kv.status(options)), values: most.get(kv.bucket) ?? 0 }),
      put: async (key, value, options) => {
        const revision = await kv.put(key, value, options);
        most.set(kv.bucket, (await kv.status()).values);
        return revision;
      },
      delete: async (key, options) => {
        const revision = await kv.delete(key, options);
        most.set(kv.bucket, (await kv.status()).values);
        return revision;
      },
    }));
  }),
  mutant("B8", "tells the last marker removed as compactedTo, not the highest", () => {
    const last = new Map<string, number>();
    return onCalls((kv) => ({
      purgeDeletes: async (options) => {
        const markers = (await kv.history(">")).filter(({ operation }) => operation !== "PUT");
        const removed = await kv.purgeDeletes(options);
        const [first] = markers;
        if (removed > 0 && first !== undefined) last.set(kv.bucket, first.revision);
        return removed;
      },
      status: async (options) => ({ ...(await kv.status(options)), compactedTo: last.get(kv.bucket) ?? 0 }),
    }));
  }),
  mutant("B11", "keeps old handles working on a bucket that was created again", () => ({
    storage: (storage) => ({
      openBucket: async (name) => {
        const opened = await storage.openBucket(name, call);
        return opened && { ...opened, bucket: byName(opened.bucket, async () => await storage.openBucket(name, call)) };
      },
      createBucket: async (config) => {
        const created = await storage.createBucket(config, call);
        const { bucket: name } = config;
        return { ...created, bucket: byName(created.bucket, async () => await storage.openBucket(name, call)) };
      },
    }),
  })),
  mutant("B11", "ends the watchers of a deleted bucket as if they were stopped", () =>
    onItems(async function* (items) {
      try {
        yield* items;
      } catch (error) {
        if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
      }
    }),
  ),
  mutant("B11", "answers reads on a deleted bucket with nothing", () =>
    onCalls((kv) => ({
      get: async (key, options) =>
        await kv.get(key, options).catch((error: unknown) => {
          if (isKeyValueError(error, "BUCKET_NOT_FOUND")) return null;
          throw error;
        }),
    })),
  ),
  mutant("B11", "deletes every bucket whose name begins like the one to delete", () => ({
    storage: (storage) => ({
      deleteBucket: async (name) => {
        const stem = name.replace(/\d+$/, "");
        for (const other of await storage.bucketNames("", 10_000, call)) {
          if (other.startsWith(stem) && other !== name) await storage.deleteBucket(other, call);
        }
        return await storage.deleteBucket(name, call);
      },
    }),
  })),
  mutant("B11", "lets everybody delete a bucket who asks at the same time", () =>
    onManager((manager) => ({
      deleteKeyValue: async (bucket, options) => {
        await manager.keyValue(bucket);
        await new Promise((resolve) => setImmediate(resolve));
        await manager.deleteKeyValue(bucket, options).catch(() => undefined);
      },
    })),
  ),
  mutant("B11", "creates a bucket again when a write comes too late", () =>
    onManager((manager) => ({
      createKeyValue: async (config, options) => {
        const kv = await manager.createKeyValue(config, options);
        return overriding(kv, {
          put: async (key, value, given) => {
            await new Promise((resolve) => setImmediate(resolve));
            return await (await manager.createOrUpdateKeyValue({ bucket: kv.bucket })).put(key, value, given);
          },
        });
      },
    })),
  ),
  mutant("B12", "looks whether a bucket exists, and creates it in a second step", () => ({
    storage: (storage) => ({
      createBucket: async (config) => {
        const existing = await storage.openBucket(config.bucket, call);
        if (existing !== undefined) return { ...existing, created: false };
        await new Promise((resolve) => setImmediate(resolve));
        const created = await storage.createBucket(config, call);
        if (!created.created) throw new KeyValueError("INTERNAL", "it exists by now");
        return created;
      },
    }),
  })),
  mutant("B12", "fails when several managers start at the same time", () => {
    let starting = 0;
    return {
      manager: (manager) => {
        starting += 1;
        const ready = new Promise((resolve) => setImmediate(resolve)).then(() => {
          starting -= 1;
        });
        const crowded = starting > 2;
        return {
          createKeyValue: async (config, options) => {
            if (crowded) throw new KeyValueError("INTERNAL", "the schema is being created already");
            await ready;
            return await manager.createKeyValue(config, options);
          },
        };
      },
    };
  }),
];
