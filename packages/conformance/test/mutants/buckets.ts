import type { KeyValueConfig, KeyValueManager, KeyValueStatus, NormalizedConfig } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type {
  BucketDescription,
  BucketStorage,
  LogPage,
  LogQuery,
  Outcome,
  Refusal,
  Row,
  Unit,
} from "@revkv/api/adapter";
import { call, onCalls, onItems, secretConfig } from "./layers.ts";
import type { Layer, Mutant } from "./mutant.ts";
import { mutant } from "./mutant.ts";

/** What a storage answers that shows only the newest rows of each key, though it holds more. */
async function newestOf(bucket: BucketStorage, query: LogQuery, keep: number): Promise<LogPage> {
  const everything = { ...query, after: { revision: 0 }, limit: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_VALUE };
  const page = await bucket.readLog(everything, call);
  const newer = new Map<string, number>();
  const rows: Row[] = [];
  for (const row of page.rows.toReversed()) {
    const count = newer.get(row.key) ?? 0;
    newer.set(row.key, count + 1);
    if (count < keep && row.revision > query.after.revision) rows.unshift(row);
  }
  return { ...page, rows };
}

function onManager(manager: (manager: KeyValueManager) => Partial<KeyValueManager>): Layer {
  return { manager };
}

/** Every field that an update can change, set back to its default. */
const defaults: Omit<KeyValueConfig, "bucket"> = {
  description: null,
  history: null,
  ttl: null,
  maxValueSize: null,
  maxBytes: null,
  metadata: null,
};

/** A layer that refuses more than the storage does. */
function refusing(why: (unit: Unit, found: BucketDescription, bucket: BucketStorage) => Refusal | undefined): Layer {
  return {
    bucket: (bucket) => ({
      commit: async (units) => {
        const outcomes: Outcome[] = [];
        for (const unit of units) {
          const refusal = why(unit, await bucket.describe(call), bucket);
          outcomes.push(...(refusal === undefined ? await bucket.commit([unit], call) : [refusal]));
        }
        return outcomes;
      },
    }),
  };
}

const full = (limit: number | undefined, bytes: number): Refusal | undefined =>
  limit !== undefined && bytes > limit ? { refused: "bucket-full", limit } : undefined;

/** A layer in which puts are judged by their own opinion of maxValueSize, and by no other. */
function sizesJudged(isTooLarge: (value: string, now: number, opened: number) => boolean): Layer {
  const limitOf = ({ config }: KeyValueStatus): number => config.maxValueSize ?? Number.POSITIVE_INFINITY;
  return {
    ...secretConfig(({ maxValueSize: _, ...config }) => config),
    keyValue: (kv) => {
      const opened = kv.status();
      const judged = async (value: Uint8Array | string): Promise<void> => {
        const text = typeof value === "string" ? value : new TextDecoder("latin1").decode(value);
        if (!isTooLarge(text, limitOf(await kv.status()), limitOf(await opened))) return;
        throw new KeyValueError("VALUE_TOO_LARGE", "too large");
      };
      return {
        put: async (key, value, options) => {
          await judged(value);
          return await kv.put(key, value, options);
        },
      };
    },
  };
}

/** Adapters that are wrong about buckets (rules B1 to B12). */
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
  mutant("B5", "takes a history above 64 for 64", () =>
    onManager((manager) => ({
      createKeyValue: (config, options) =>
        manager.createKeyValue(
          typeof config?.history === "number" && config.history > 64 ? { ...config, history: 64 } : config,
          options,
        ),
    })),
  ),
  mutant("B5", "cuts names of buckets off at 63 characters", () => ({
    storage: (storage) => ({
      openBucket: (name) => storage.openBucket(name.slice(0, 63), call),
      createBucket: async (config) => ({
        ...(await storage.createBucket({ ...config, bucket: config.bucket.slice(0, 63) }, call)),
        config,
      }),
    }),
  })),
  mutant("B5", "refuses keys above 512 characters", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        if (key?.length > 512) throw new KeyValueError("INVALID_KEY", "too long");
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("B5", "takes a limit of 0 for none", () =>
    onManager((manager) => ({
      createKeyValue: (config, options) =>
        manager.createKeyValue(config?.maxBytes === 0 ? { ...config, maxBytes: null } : config, options),
    })),
  ),
  mutant("B6", "goes on showing what a lowered history dropped", () =>
    secretConfig((config) => ({ ...config, history: 64 })),
  ),
  mutant("B6", "shows again what history dropped when it is raised", () => {
    const layer = secretConfig((config) => ({ ...config, history: 64 }));
    return {
      ...layer,
      bucket: (bucket) => {
        const below = layer.bucket?.(bucket) ?? {};
        const history = async (): Promise<number> => (await below.describe?.(call))?.config.history ?? 1;
        return {
          ...below,
          readLog: async (query) => await newestOf(bucket, query, await history()),
        };
      },
    };
  }),
  mutant("B6", "turns limitMarkerTtl off again", () =>
    onManager((manager) => ({
      updateKeyValue: (config, options) =>
        manager.updateKeyValue(config?.limitMarkerTtl === null ? { bucket: config.bucket } : config, options),
    })),
  ),
  mutant("B6", "accepts a limitMarkerTtl below a second", () =>
    onManager((manager) => ({
      createOrUpdateKeyValue: (config, options) =>
        manager.createOrUpdateKeyValue(config?.limitMarkerTtl === 999 ? { bucket: config.bucket } : config, options),
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
  mutant("B9", "refuses a value of exactly maxValueSize", () =>
    refusing((unit, { config: { maxValueSize: limit } }) => {
      const operation = unit.findIndex(({ value }) => value.length === limit);
      return limit !== undefined && operation >= 0 ? { refused: "value-too-large", operation, limit } : undefined;
    }),
  ),
  mutant("B9", "counts the characters of a value", () => sizesJudged((value, now) => value.length > now)),
  mutant("B9", "goes by the maxValueSize of the moment when the bucket was opened", () =>
    sizesJudged((value, _, opened) => new TextEncoder().encode(value).length > opened),
  ),
  mutant("B9", "counts the key as a part of the value", () =>
    refusing((unit, { config: { maxValueSize: limit } }) => {
      const operation = unit.findIndex(({ key, value }) => key.length + value.length > (limit ?? Number.MAX_VALUE));
      return limit !== undefined && operation >= 0 ? { refused: "value-too-large", operation, limit } : undefined;
    }),
  ),
  mutant("B10", "has no maxBytes", () => secretConfig(({ maxBytes: _, ...config }) => config)),
  mutant("B10", "does not give back what an overwrite replaces", () =>
    refusing(([write], { bytes, config }) =>
      write?.op === "put" ? full(config.maxBytes, bytes + write.key.length + write.value.length) : undefined,
    ),
  ),
  mutant("B10", "refuses a delete in a full bucket", () =>
    refusing(([write], { bytes, config }) =>
      write?.op === "delete" ? full(config.maxBytes, bytes + write.key.length) : undefined,
    ),
  ),
  mutant("B10", "counts what has expired", () => {
    const sizes = new Map<string, number>();
    return refusing(([write], { config }, { incarnation }) => {
      if (write === undefined) return undefined;
      const id = `${incarnation} ${write.key}`;
      const others = [...sizes].filter(([other]) => other.startsWith(incarnation) && other !== id);
      const size = write.op === "put" ? write.key.length + write.value.length : 0;
      const refusal = full(
        config.maxBytes,
        others.reduce((sum, [, bytes]) => sum + bytes, size),
      );
      if (refusal === undefined) sizes.set(id, size);
      return size === 0 ? undefined : refusal;
    });
  }),
  mutant("B10", "judges a transaction put by put", () =>
    refusing((unit, { bytes, config }) => {
      const first = unit.length > 1 ? unit[0] : undefined;
      return first?.op === "put" ? full(config.maxBytes, bytes + first.key.length + first.value.length) : undefined;
    }),
  ),
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
