import { randomUUID } from "node:crypto";
import type { KeyValue, KeyValueEntry, KeyValueManager, KeyWatcher, ManagerOptions } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { BucketStorage, Storage } from "@revkv/api/adapter";
import { checkManagerOptions, embeddedCapabilities, StorageManager } from "@revkv/api/adapter";
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
  /** Its fault is that something never comes or never ends, so that a wait in vain is what shows it. */
  readonly waits: boolean;
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
  /** The options of every manager, as they are passed on. */
  readonly options?: (options: ManagerOptions) => ManagerOptions;
}

/** What a layer can know of the storage that it lies on. */
interface Surroundings {
  /** How many times the storage has been away. */
  readonly outages: number;
}

type MakeLayer = (surroundings: Surroundings) => Layer;

/** Declares a mutant; the layer is made anew for every storage, so that what it remembers belongs to one. */
export function mutant(rule: string, fault: string, layer: MakeLayer): Mutant {
  return { rule, fault, waits: false, harness: layeredMemory(`memory that ${fault}`, layer) };
}

/** Declares a mutant in which something that must come or end never does. */
export function waitingMutant(rule: string, fault: string, layer: MakeLayer): Mutant {
  return { ...mutant(rule, fault, layer), waits: true };
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

/** The memory adapter with a clock that can be moved, a server that can be restarted, and a layer over it. */
export function layeredMemory(name: string, makeLayer: MakeLayer): Harness {
  return {
    name,
    capabilities: { ...embeddedCapabilities, ...makeLayer({ outages: 0 }).capabilities },
    async setup() {
      const server = new Server();
      const layer = makeLayer(server);
      const store = randomUUID();
      let time = Date.now();
      const now = (): number => time;
      const keeper = leaseStore(store, now);
      return {
        open: async (options = {}) => {
          const memory = layeredStorage(server.reach(new MemoryStorage(leaseStore(store, now))), layer);
          const given = layer.options?.(options) ?? options;
          checkManagerOptions(given);
          return layeredManager(new StorageManager(memory, given), layer);
        },
        advance: async (milliseconds) => {
          time += layer.advance?.(milliseconds) ?? milliseconds;
        },
        restart: (whileAway) => server.restart(whileAway),
        dispose: async () => keeper.release(),
      };
    },
  };
}

/** What makes a storage in this process one that can be away: its methods fail, and its wake-ups do not come. */
class Server implements Surroundings {
  outages = 0;
  #isUp = true;
  readonly #wakes: Set<() => void> = new Set();

  /** Away for long enough to be noticed by whoever asks then. */
  async restart(whileAway: () => Promise<void>): Promise<void> {
    this.outages += 1;
    this.#isUp = false;
    for (const wake of this.#wakes) wake();
    await whileAway();
    this.#isUp = true;
    for (const wake of this.#wakes) wake();
  }

  reach(storage: Storage): Storage {
    const over = <T extends { readonly bucket: BucketStorage }>(opened: T): T => {
      const bucket = this.#guarded(opened.bucket, {
        subscribe: async (wake, call) => {
          this.#wakes.add(wake);
          const end = await opened.bucket.subscribe(() => {
            if (this.#isUp) wake();
          }, call);
          return () => {
            this.#wakes.delete(wake);
            end();
          };
        },
      });
      return { ...opened, bucket };
    };
    return this.#guarded(storage, {
      now: () => storage.now?.() ?? 0,
      translateError: (error, written) => storage.translateError(error, written),
      close: () => storage.close(),
      openBucket: (name, call) => {
        this.#check();
        const opened = storage.openBucket(name, call);
        return opened instanceof Promise ? opened.then((found) => found && over(found)) : opened && over(opened);
      },
      createBucket: async (config, call) => {
        this.#check();
        return over(await storage.createBucket(config, call));
      },
    });
  }

  #guarded<T extends object>(target: T, overrides: Partial<T>): T {
    return new Proxy(target, {
      get: (_, name) => {
        if (Object.hasOwn(overrides, name)) return Reflect.get(overrides, name);
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...args: unknown[]): unknown => {
          this.#check();
          return member.apply(target, args);
        };
      },
    });
  }

  #check(): void {
    if (!this.#isUp) throw new KeyValueError("UNAVAILABLE", "the server is being restarted");
  }
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
