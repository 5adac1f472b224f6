import type { KeyValue, KeyValueEntry, KeyValueManager, NormalizedConfig } from "@revkv/api";
import type { BucketStorage, Call, Outcome, Row, Unit } from "@revkv/api/adapter";
import type { Item, Layer } from "./mutant.ts";
import { overriding } from "./mutant.ts";

/** A call that nobody gives up on. */
export const call: Call = { signal: new AbortController().signal };

/** Waits for turns of the event loop, not for time: what was begun before is done, however slow the machine is. */
export async function afterTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A layer that rewrites writes before the storage gets them. */
export function onWrites(rewrite: (unit: Unit) => Unit): Layer {
  return {
    bucket: (bucket) => ({ commit: (units) => bucket.commit(units.map(rewrite), call) }),
  };
}

/** A layer that does something in the storage behind each unit of a commit, and gives another outcome if it returns one. */
export function afterWrites(act: (bucket: BucketStorage, unit: Unit, outcome: Outcome) => Outcome | undefined): Layer {
  return {
    bucket: (bucket) => ({
      commit: async (units) => {
        const outcomes: Outcome[] = [];
        for (const unit of units) {
          const [outcome] = await bucket.commit([unit], call);
          if (outcome !== undefined) outcomes.push(act(bucket, unit, outcome) ?? outcome);
        }
        return outcomes;
      },
    }),
  };
}

/** A layer that changes the rows that the storage gives, or hides those for which it gives undefined. */
export function onRows(change: (row: Row) => Row | undefined): Layer {
  const all = (rows: readonly Row[]): Row[] => rows.map(change).filter((row) => row !== undefined);
  return {
    bucket: (bucket) => ({
      read: async (keys) => (await bucket.read(keys, call)).map((row) => row && change(row)),
      readRevision: async (key, revision) => {
        const row = await bucket.readRevision(key, revision, call);
        return row && change(row);
      },
      readLog: async (query) => {
        const page = await bucket.readLog(query, call);
        return { ...page, rows: all(page.rows) };
      },
      readKeys: async (query) => {
        const page = await bucket.readKeys(query, call);
        return { ...page, rows: all(page.rows) };
      },
    }),
  };
}

/** A layer over the calls of a bucket. */
export function onCalls(keyValue: (kv: KeyValue) => Partial<KeyValue>): Layer {
  return { keyValue };
}

/** A layer over the calls of a manager. */
export function onManager(manager: (manager: KeyValueManager) => Partial<KeyValueManager>): Layer {
  return { manager };
}

/** A layer over the items of every watcher. */
export function onItems(items: Layer["items"] & {}): Layer {
  return { items };
}

/** A layer over the items of every watcher that are entries, one by one; undefined leaves one out. */
export function onWatched(change: (entry: KeyValueEntry, live: boolean) => KeyValueEntry | undefined): Layer {
  return onItems(async function* (items) {
    let live = false;
    for await (const item of items) {
      live ||= item === null;
      const changed: Item | undefined = item === null ? null : change(item, live);
      if (changed !== undefined) yield changed;
    }
  });
}

/** A layer in which the storage has other configs than users are told. */
export function secretConfig(kept: (config: NormalizedConfig) => NormalizedConfig): Layer {
  const shown = new Map<string, NormalizedConfig>();
  const shownFor = (config: NormalizedConfig): NormalizedConfig => shown.get(config.bucket) ?? config;
  return {
    storage: (storage) => ({
      createBucket: async (config) => {
        const created = await storage.createBucket(kept(config), call);
        if (created.created) shown.set(config.bucket, config);
        return { ...created, config: shownFor(created.config) };
      },
      openBucket: async (name) => {
        const opened = await storage.openBucket(name, call);
        return opened && { ...opened, config: shownFor(opened.config) };
      },
    }),
    bucket: (bucket) => ({
      describe: async () => {
        const description = await bucket.describe(call);
        return { ...description, config: shownFor(description.config) };
      },
      configure: async (_, to) => {
        shown.set(bucket.name, to);
        const { config } = await bucket.describe(call);
        return await bucket.configure(config, kept(to), call);
      },
    }),
  };
}

/** A key that stays out of sight: writing to it uses up revisions and leaves nothing that anybody sees. */
const hiddenKey = "hidden";

/** A layer in which revisions are used up for nothing, whenever a unit and its outcome say so. */
export function burning(when: (unit: Unit, outcome: Outcome) => boolean): Layer {
  const visible = onRows((row) => (row.key === hiddenKey ? undefined : row));
  const burn = afterWrites((bucket, unit, outcome) => {
    if (when(unit, outcome)) void bucket.commit([[put(hiddenKey)]], call);
    return undefined;
  });
  return { bucket: (bucket) => ({ ...visible.bucket?.(bucket), ...burn.bucket?.(bucket) }) };
}

export function put(key: string, value: Uint8Array = new Uint8Array(0)): Unit[number] {
  return { op: "put", key, value, expect: undefined, ttl: undefined };
}

/** Tells whether a unit was refused. */
export function isRefused(outcome: Outcome): boolean {
  return "refused" in outcome;
}

/** An entry that has another value than it should. */
export function withValue(entry: KeyValueEntry, value: Uint8Array): KeyValueEntry {
  return overriding(entry, { value, string: () => new TextDecoder().decode(value) });
}

/** A bucket that can be replaced by an empty one behind everybody's back. */
export interface Replaceable {
  readonly current: () => BucketStorage;
  readonly replace: (config: NormalizedConfig) => Promise<void>;
}

/** A layer in which buckets are silently made anew, whenever the overrides say so. */
export function renewing(overrides: (bucket: Replaceable) => Partial<BucketStorage>): Layer {
  const facades = new Map<string, BucketStorage>();
  return {
    storage: (storage) => {
      const facadeOf = (bucket: BucketStorage): BucketStorage => {
        const existing = facades.get(bucket.name);
        if (existing !== undefined) return existing;
        let inner = bucket;
        const replace = async (config: NormalizedConfig): Promise<void> => {
          await storage.deleteBucket(bucket.name, call);
          inner = (await storage.createBucket(config, call)).bucket;
        };
        const over = overrides({ current: () => inner, replace });
        const facade = new Proxy(bucket, {
          get: (_, name) => {
            if (Object.hasOwn(over, name)) return Reflect.get(over, name);
            const member: unknown = Reflect.get(name === "incarnation" ? bucket : inner, name, inner);
            return typeof member === "function" ? member.bind(inner) : member;
          },
        });
        facades.set(bucket.name, facade);
        return facade;
      };
      return {
        openBucket: async (name) => {
          const opened = await storage.openBucket(name, call);
          return opened && { ...opened, bucket: facadeOf(opened.bucket) };
        },
        createBucket: async (config) => {
          const created = await storage.createBucket(config, call);
          return { ...created, bucket: facadeOf(created.bucket) };
        },
        deleteBucket: (name) => {
          facades.delete(name);
          return storage.deleteBucket(name, call);
        },
      };
    },
  };
}
