import type { KeyValueEntry } from "@revkv/api";
import type { Row } from "@revkv/api/adapter";
import { bytesOf } from "@revkv/api/adapter";
import {
  afterTurns,
  afterWrites,
  burning,
  call,
  isRefused,
  onCalls,
  onItems,
  onRows,
  onWrites,
  put,
  renewing,
} from "./layers.ts";
import type { Item, Mutant } from "./mutant.ts";
import { mutant, waitingMutant } from "./mutant.ts";

/** Adapters whose counter, entries or reads are wrong (rules M1 to M10). */
export const modelMutants: readonly Mutant[] = [
  mutant("M1", "skips a revision after a delete", () => burning(([write]) => write?.op === "delete")),
  mutant("M1", "uses up a revision for a refused write", () => burning((_, outcome) => isRefused(outcome))),
  mutant("M1", "counts all buckets with one counter", () => {
    const others = new Map<string, () => void>();
    const burns = burning(() => false);
    return {
      bucket: (bucket) => {
        others.set(bucket.incarnation, () => void bucket.commit([[put("hidden")]], call));
        return {
          ...burns.bucket?.(bucket),
          commit: (units) => {
            for (const [incarnation, burn] of others) if (incarnation !== bucket.incarnation) burn();
            return bucket.commit(units, call);
          },
        };
      },
    };
  }),
  mutant("M1", "carries a caller's writes out in another order", () =>
    onCalls((kv) => {
      let count = 0;
      return {
        put: async (key, value, options) => {
          count += 1;
          if (count % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
          return await kv.put(key, value, options);
        },
      };
    }),
  ),
  mutant("M1", "gives two writes at the same time the same revision", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        const { lastRevision } = await kv.status();
        await kv.put(key, value, options);
        return lastRevision + 1;
      },
    })),
  ),
  mutant("M2", "forgets the counter when nothing is left in a bucket", () =>
    renewing(({ current, replace }) => ({
      commit: async (units) => {
        const { values, revision, config } = await current().describe(call);
        if (values === 0 && revision > 0) await replace(config);
        return await current().commit(units, call);
      },
    })),
  ),
  mutant("M2", "goes on counting in a bucket that is created again", () => {
    const last = new Map<string, number>();
    const burns = burning(() => false);
    return {
      ...burns,
      storage: (storage) => ({
        deleteBucket: async (name) => {
          const opened = await storage.openBucket(name, call);
          if (opened !== undefined) last.set(name, (await opened.bucket.head(call)).revision);
          return await storage.deleteBucket(name, call);
        },
        createBucket: async (config) => {
          const created = await storage.createBucket(config, call);
          const revision = created.created ? (last.get(config.bucket) ?? 0) : 0;
          for (let burnt = 0; burnt < revision; burnt += 1) await created.bucket.commit([[put("hidden")]], call);
          return created;
        },
      }),
    };
  }),
  mutant("M2", "begins again when the config changes", () =>
    renewing(({ replace }) => ({
      configure: async (_, to) => {
        await replace(to);
        return true;
      },
    })),
  ),
  mutant("M3", "delivers an entry after a later one", () =>
    onItems(async function* (items) {
      let held: Item | undefined;
      for await (const item of items) {
        if (item !== null && item.revision % 3 === 0 && held === undefined) {
          held = item;
          continue;
        }
        yield item;
        if (held !== undefined) yield held;
        held = undefined;
      }
    }),
  ),
  mutant("M3", "shows some revisions later than those above them", () => {
    /** How many more times a row is left out. */
    const hidden = new Map<string, number>();
    const late = (row: Row): Row | undefined => {
      const times = hidden.get(`${row.key} ${row.revision}`) ?? 0;
      hidden.set(`${row.key} ${row.revision}`, times - 1);
      return times > 0 ? undefined : row;
    };
    const rows = onRows(late);
    const written = afterWrites((_, unit, outcome) => {
      const [revision = 0] = isRefused(outcome) ? [] : (outcome as readonly number[]);
      if (revision % 5 === 0) hidden.set(`${unit[0]?.key} ${revision}`, 3);
      return undefined;
    });
    return { bucket: (bucket) => ({ ...rows.bucket?.(bucket), ...written.bucket?.(bucket) }) };
  }),
  mutant("M4", "keeps one entry more than history says", () => ({
    storage: (storage) => ({
      createBucket: async (config) => {
        const created = await storage.createBucket({ ...config, history: config.history + 1 }, call);
        return { ...created, config };
      },
    }),
  })),
  mutant("M4", "forgets to trim behind a marker", () => ({
    storage: (storage) => ({
      createBucket: async (config) => {
        const created = await storage.createBucket({ ...config, history: 64 }, call);
        return { ...created, config };
      },
    }),
    bucket: (bucket) => {
      const trimmed = new Set<string>();
      return {
        commit: async (units) => {
          for (const unit of units) for (const { key, op } of unit) if (op === "delete") trimmed.add(key);
          return await bucket.commit(units, call);
        },
      };
    },
  })),
  mutant("M4", "does not count markers against history", () => ({
    bucket: (bucket) => ({
      commit: async (units) => {
        const config = (await bucket.describe(call)).config;
        const outcomes = [];
        for (const unit of units) {
          const deletes = unit.some(({ op }) => op === "delete");
          const roomy = { ...config, history: Math.min(64, config.history + 1) };
          if (deletes) await bucket.configure(config, roomy, call);
          outcomes.push(...(await bucket.commit([unit], call)));
        }
        return outcomes;
      },
    }),
  })),
  mutant("M5", "takes the older entries away with a delete", () => ({
    bucket: (bucket) => {
      const del = onRows((row) => (row.operation === "PURGE" && !row.expired ? { ...row, operation: "DEL" } : row));
      const purge = onWrites((unit) =>
        unit.map((write) => (write.op === "delete" ? { ...write, op: "purge" } : write)),
      );
      return { ...del.bucket?.(bucket), ...purge.bucket?.(bucket) };
    },
  })),
  mutant("M5", "leaves the older entries there with a purge", () =>
    onWrites((unit) => unit.map((write) => (write.op === "purge" ? { ...write, op: "delete" } : write))),
  ),
  mutant("M5", "loses the entry of a delete marker", () =>
    onRows((row) => (row.operation === "DEL" ? undefined : row)),
  ),
  mutant("M7", "takes upper for lower case", () => ({
    bucket: (bucket) => ({
      commit: (units) =>
        bucket.commit(
          units.map((unit) => unit.map((write) => ({ ...write, key: write.key.toLowerCase() }))),
          call,
        ),
      read: (keys) =>
        bucket.read(
          keys.map((key) => key.toLowerCase()),
          call,
        ),
    }),
  })),
  waitingMutant("M7", "cuts keys off at 255 characters", () => ({
    bucket: (bucket) => ({
      commit: (units) =>
        bucket.commit(
          units.map((unit) => unit.map((write) => ({ ...write, key: write.key.slice(0, 255) }))),
          call,
        ),
      read: (keys) =>
        bucket.read(
          keys.map((key) => key.slice(0, 255)),
          call,
        ),
    }),
  })),
  mutant("M8", "answers from a cache that other handles' writes do not reach", () =>
    onCalls((kv) => {
      const cache = new Map<string, KeyValueEntry | null>();
      return {
        get: async (key, options) => {
          const entry = cache.get(key) ?? (await kv.get(key, options));
          cache.set(key, entry);
          return entry;
        },
        put: (key, value, options) => {
          cache.delete(key);
          return kv.put(key, value, options);
        },
      };
    }),
  ),
  mutant("M8", "resolves a write before it is carried out", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        const { lastRevision } = await kv.status();
        void afterTurns(20).then(() => kv.put(key, value, options).catch(() => undefined));
        return lastRevision + 1;
      },
    })),
  ),
  mutant("M9", "hides a manager's buckets from the others", () => ({
    storage: (storage) => {
      const own = new Set<string>();
      return {
        createBucket: (config) => {
          own.add(config.bucket);
          return storage.createBucket(config, call);
        },
        openBucket: (name) => (own.has(name) ? storage.openBucket(name, call) : undefined),
      };
    },
  })),
  mutant("M9", "shows a manager's own config changes to itself only", () => ({
    bucket: (bucket) => {
      let own: Awaited<ReturnType<typeof bucket.describe>>["config"] | undefined;
      return {
        configure: (_, to) => {
          own = to;
          return true;
        },
        describe: async () => {
          const description = await bucket.describe(call);
          return { ...description, config: own ?? description.config };
        },
      };
    },
  })),
  mutant("M10", "stores the beginning of a value that it refuses", () =>
    afterWrites((bucket, unit, outcome) => {
      if ("refused" in outcome && outcome.refused === "value-too-large") {
        const { key, value } = unit[outcome.operation] ?? put("hidden");
        void bucket.commit([[put(key, bytesOf(value).slice(0, outcome.limit))]], call);
      }
      return undefined;
    }),
  ),
  mutant("M10", "carries out a write twice", () =>
    afterWrites((bucket, unit, outcome) => {
      if (!isRefused(outcome) && unit.length === 1 && unit[0]?.expect === undefined) void bucket.commit([unit], call);
      return undefined;
    }),
  ),
  mutant("M10", "removes the key of a conditional write that it refuses", () =>
    afterWrites((bucket, unit, outcome) => {
      if ("refused" in outcome && outcome.refused === "condition") {
        const { key } = unit[outcome.operation] ?? put("hidden");
        void bucket.commit([[{ ...put(key), op: "delete" }]], call);
      }
      return undefined;
    }),
  ),
];
