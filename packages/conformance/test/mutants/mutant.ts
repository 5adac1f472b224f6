import { randomUUID } from "node:crypto";
import type { KeyValue, KeyValueEntry, KeyValueManager, KeyWatcher } from "@revkv/api";
import type { BucketStorage, Storage } from "@revkv/api/adapter";
import { embeddedCapabilities, StorageManager } from "@revkv/api/adapter";
// By path: memory's own tests use this package, and a dependency back would be a circle.
import { MemoryStorage } from "../../../memory/src/memory-storage.ts";
import { leaseStore } from "../../../memory/src/store.ts";
import type { Harness } from "../../src/harness.ts";

/** An adapter that breaks one rule on purpose. */
export interface Mutant {
  /** The rule that it breaks. */
  readonly rule: string;
  /** What it does wrong. */
  readonly fault: string;
  readonly harness: Harness;
}

export type Item = KeyValueEntry | null;

/** A thin layer over the memory adapter: what it overrides is other than it should be. */
export interface Layer {
  /** Below the kit: what the storage answers. */
  readonly storage?: (storage: Storage) => Partial<Storage>;
  readonly bucket?: (bucket: BucketStorage) => Partial<BucketStorage>;
  /** Above the kit: what users hold. */
  readonly manager?: (manager: KeyValueManager) => Partial<KeyValueManager>;
  readonly keyValue?: (kv: KeyValue) => Partial<KeyValue>;
  readonly watcher?: (watcher: KeyWatcher) => Partial<KeyWatcher>;
  /** The items of every watcher, rewritten. */
  readonly items?: (items: AsyncIterable<Item>) => AsyncGenerator<Item, void, undefined>;
  readonly entry?: (entry: KeyValueEntry) => Partial<KeyValueEntry>;
  /** How far the clock really moves when it is told to, in milliseconds. */
  readonly advance?: (milliseconds: number) => number;
  readonly capabilities?: Partial<Harness["capabilities"]>;
}

/** Declares a mutant; the layer is made anew for every storage, so that what it remembers belongs to one. */
export function mutant(rule: string, fault: string, layer: () => Layer): Mutant {
  return { rule, fault, harness: layeredMemory(`memory that ${fault}`, layer) };
}

/** An object whose members are those of another one but for some. */
export function overriding<T extends object>(target: T, overrides: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (Object.hasOwn(overrides, name)) return Reflect.get(overrides, name);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** The memory adapter with a clock that can be moved, and a layer over it. */
export function layeredMemory(name: string, makeLayer: () => Layer): Harness {
  return {
    name,
    capabilities: { ...embeddedCapabilities, ...makeLayer().capabilities },
    async setup() {
      const layer = makeLayer();
      const store = randomUUID();
      let time = Date.now();
      const now = (): number => time;
      const keeper = leaseStore(store, now);
      return {
        open: async (options) => {
          const storage = layeredStorage(new MemoryStorage(leaseStore(store, now)), layer);
          return layeredManager(new StorageManager(storage, options), layer);
        },
        advance: async (milliseconds) => {
          time += layer.advance?.(milliseconds) ?? milliseconds;
        },
        dispose: async () => keeper.release(),
      };
    },
  };
}

function layeredStorage(storage: Storage, layer: Layer): Storage {
  const capabilities = { ...storage.capabilities, ...layer.capabilities };
  const base = overriding(storage, { capabilities });
  const broken = overriding(base, layer.storage?.(base) ?? {});
  const bucketLayer = layer.bucket;
  if (bucketLayer === undefined) return broken;
  const over = <T extends { readonly bucket: BucketStorage }>(opened: T): T => {
    return { ...opened, bucket: overriding(opened.bucket, bucketLayer(opened.bucket)) };
  };
  return overriding(broken, {
    openBucket: async (name, call) => {
      const opened = await broken.openBucket(name, call);
      return opened && over(opened);
    },
    createBucket: async (config, call) => over(await broken.createBucket(config, call)),
  });
}

function layeredManager(manager: KeyValueManager, layer: Layer): KeyValueManager {
  const over = (kv: KeyValue): KeyValue => layeredKeyValue(kv, layer);
  const layered = overriding(manager, {
    keyValue: async (bucket, options) => over(await manager.keyValue(bucket, options)),
    createKeyValue: async (config, options) => over(await manager.createKeyValue(config, options)),
    updateKeyValue: async (config, options) => over(await manager.updateKeyValue(config, options)),
    createOrUpdateKeyValue: async (config, options) => over(await manager.createOrUpdateKeyValue(config, options)),
  });
  return layer.manager === undefined ? layered : overriding(layered, layer.manager(layered));
}

function layeredKeyValue(kv: KeyValue, layer: Layer): KeyValue {
  const entryLayer = layer.entry;
  const over = <T extends Item>(item: T): T =>
    entryLayer === undefined || item === null ? item : (overriding(item, entryLayer(item)) as T);
  const viewed = overriding(kv, {
    get: async (...args) => over(await kv.get(...args)),
    getRevision: async (...args) => over(await kv.getRevision(...args)),
    getMany: async (...args) => (await kv.getMany(...args)).map(over),
    history: async (...args) => (await kv.history(...args)).map(over),
    entries: (...args) => mapped(kv.entries(...args), over),
    watch: async (...args) => layeredWatcher(await kv.watch(...args), over, layer),
    watchAll: async (...args) => layeredWatcher(await kv.watchAll(...args), over, layer),
  });
  if (layer.keyValue === undefined) return viewed;
  const overrides = layer.keyValue(viewed);
  const { watch } = overrides;
  return overriding(
    viewed,
    watch === undefined ? overrides : { watchAll: (options) => watch(">", options), ...overrides },
  );
}

function layeredWatcher(watcher: KeyWatcher, over: (item: Item) => Item, layer: Layer): KeyWatcher {
  if (layer.entry === undefined && layer.items === undefined && layer.watcher === undefined) return watcher;
  const viewed = layer.entry === undefined ? watcher : withItems(watcher, (items) => mapped(items, over));
  const rewritten = layer.items === undefined ? viewed : withItems(viewed, layer.items);
  return overriding(rewritten, layer.watcher?.(rewritten) ?? {});
}

/** A watcher that gives other items; all else is as it should be. */
export function withItems(
  watcher: KeyWatcher,
  rewrite: (items: AsyncIterable<Item>) => AsyncGenerator<Item, void, undefined>,
): KeyWatcher {
  let claimed = false;
  const iterate = (): AsyncIterator<Item> => {
    // The watcher itself refuses to be iterated twice.
    if (claimed) return watcher[Symbol.asyncIterator]();
    claimed = true;
    return rewrite(watcher);
  };
  return overriding(watcher, {
    [Symbol.asyncIterator]: iterate,
    forEach: async (callback) => {
      if (claimed) return await watcher.forEach(callback);
      for await (const item of { [Symbol.asyncIterator]: iterate }) await callback(item);
    },
  });
}

/** Each item of an iterable, changed. */
export async function* mapped<T>(items: AsyncIterable<T>, change: (item: T) => T): AsyncGenerator<T, void, undefined> {
  for await (const item of items) yield change(item);
}
