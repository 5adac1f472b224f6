import type { KeyValueStatus } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
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
import { nextTurn } from "@revkv/api/adapter";
import { call, onCalls, onManager, secretConfig } from "./layers.ts";
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

/** Adapters that are wrong about what a bucket may be and hold (rules B5, B6, B9, B10). */
export const bucketLimitMutants: readonly Mutant[] = [
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
  mutant("B5", "has durations of 32 bits", () =>
    onManager((manager) => ({
      createKeyValue: async (config, options) => {
        if ((config?.ttl ?? 0) === Number.MAX_SAFE_INTEGER) throw new KeyValueError("INVALID_CONFIG", "too long");
        return await manager.createKeyValue(config, options);
      },
    })),
  ),
  mutant("B5", "ignores a field that it does not know", () =>
    onManager((manager) => ({
      createKeyValue: (config, options) => {
        const { replicas: _, ...known } = { replicas: 1, ...config };
        return manager.createKeyValue(config && known, options);
      },
    })),
  ),
  mutant("B5", "asks for the bucket before it looks at the config", () =>
    onManager((manager) => ({
      updateKeyValue: async (config, options) => {
        if (typeof config?.bucket === "string") await manager.keyValue(config.bucket);
        return await manager.updateKeyValue(config, options);
      },
    })),
  ),
  mutant("B5", "takes more filters than it says", () =>
    onCalls((kv) => ({
      keys: (filter, options) => kv.keys(Array.isArray(filter) ? filter.slice(0, 1000) : filter, options),
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
  mutant("B6", "lowers history in steps, and leaves off when another raises it meanwhile", () => ({
    bucket: (bucket) => ({
      configure: async (from, to) => {
        for (let history = from.history; history > to.history + 1; history -= 1) {
          const done = await bucket.configure({ ...from, history }, { ...from, history: history - 1 }, call);
          if (done !== true) return history < from.history ? true : done;
          await nextTurn();
        }
        const last = { ...from, history: Math.min(from.history, to.history + 1) };
        return (await bucket.configure(last, to, call)) || last.history < from.history;
      },
    }),
  })),
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
  mutant("B6", "never gives a bucket a limitMarkerTtl that was created without", () =>
    onManager((manager) => ({
      updateKeyValue: async (config, options) => {
        const { config: current } = await (await manager.keyValue(config.bucket)).status();
        const { limitMarkerTtl, ...others } = config;
        const late = current.limitMarkerTtl === undefined && typeof limitMarkerTtl === "number";
        return await manager.updateKeyValue(late ? others : config, options);
      },
    })),
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
];
