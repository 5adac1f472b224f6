import type { Capabilities } from "../capabilities.ts";
import type { KeyValueConfig } from "../config.ts";
import { checkConfig, normalizeConfig, sameConfig, updateConfig } from "../config.ts";
import { isKeyValueError } from "../errors.ts";
import type { ManagerOptions } from "../events.ts";
import type { KeyValue } from "../key-value.ts";
import type { KeyValueManager } from "../key-value-manager.ts";
import { checkBucketName, shown } from "../names.ts";
import type { CallOptions } from "../options.ts";
import type { KeyValueStatus } from "../status.ts";
import { allowedOptions, checkInteger, checkOptions, invalid } from "./arguments.ts";
import { bucketNotFound, checkSameConfig, checkSupported, copyOfConfig } from "./bucket-config.ts";
import { ManagerContext } from "./context.ts";
import { checkedNow, each } from "./iteration.ts";
import { statusOf } from "./status.ts";
import type { Awaitable, BucketStorage, Call, OpenedBucket, Storage } from "./storage.ts";
import { StorageKeyValue } from "./storage-key-value.ts";
import type { StorageWatcher } from "./storage-watcher.ts";
import { StoredBucket } from "./stored-bucket.ts";
import { Sweeper } from "./sweeper.ts";

/** How long each step may wait for the storage unless told otherwise, in milliseconds (rule E3). */
export const defaultTimeout = 5000;

/** How many names of buckets are read at a time. */
const namesPage = 500;

/** The longest delay of a timer, in milliseconds. */
const longestTimeout = 2 ** 31 - 1;

/** Checks the options that all adapters share; to be called before the storage is opened (rule E2). */
export function checkManagerOptions(options: ManagerOptions): void {
  if (options.timeout !== undefined) {
    checkInteger(options.timeout, "timeout", 1);
    if (options.timeout > longestTimeout) throw invalid(`timeout is at most ${longestTimeout} ms`);
  }
  if (options.onEvent !== undefined && typeof options.onEvent !== "function") {
    throw invalid(`onEvent is a function, not ${shown(options.onEvent)}`);
  }
}

/** Makes the handle that a manager gives for a bucket. */
export type HandleFactory<Handle extends KeyValue> = (stored: StoredBucket, watchers: Set<StorageWatcher>) => Handle;

/**
 * The `KeyValueManager` of every adapter on the storage port. An adapter whose handles can more than others' gives a
 * factory that makes them.
 */
export class StorageManager<Handle extends KeyValue = KeyValue> implements KeyValueManager {
  readonly backingStore: string;
  readonly capabilities: Capabilities;
  readonly #context: ManagerContext;
  readonly #watchers: Set<StorageWatcher> = new Set();
  readonly #buckets: Map<string, WeakRef<StoredBucket>> = new Map();
  readonly #collected: FinalizationRegistry<string>;
  readonly #sweeper: Sweeper;
  readonly #makeHandle: HandleFactory<Handle>;
  #closing: Promise<void> | undefined;

  /** Takes over an open storage, and closes it when it is closed itself. */
  constructor(
    storage: Storage,
    options: ManagerOptions = {},
    makeHandle: HandleFactory<Handle> = plainHandle as HandleFactory<KeyValue> as HandleFactory<never>,
  ) {
    checkManagerOptions(options);
    this.#makeHandle = makeHandle;
    this.backingStore = storage.backingStore;
    this.capabilities = Object.freeze({ ...storage.capabilities });
    this.#context = new ManagerContext(storage, options.timeout ?? defaultTimeout, options.onEvent);
    this.#sweeper = new Sweeper(this.#context);
    this.#collected = new FinalizationRegistry((incarnation) => {
      if (this.#buckets.get(incarnation)?.deref() === undefined) this.#buckets.delete(incarnation);
    });
  }

  async keyValue(bucket: string, options?: CallOptions): Promise<Handle> {
    checkBucketName(bucket);
    checkOptions(options, allowedOptions.call);
    const { bucket: found } = await this.#open(bucket, options?.signal);
    return this.#handle(found);
  }

  async createKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<Handle> {
    const wanted = checkSupported(normalizeConfig(config), this.capabilities);
    checkOptions(options, allowedOptions.call);
    const found = await this.#step((storage, call) => storage.createBucket(wanted, call), options?.signal, true);
    if (!found.created) checkSameConfig(found.config, wanted);
    return this.#handle(found.bucket);
  }

  async updateKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<Handle> {
    checkConfig(config);
    const update = checkSupported(copyOfConfig(config), this.capabilities);
    checkOptions(options, allowedOptions.call);
    return this.#configure(await this.#open(update.bucket, options?.signal), update, options?.signal);
  }

  async createOrUpdateKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<Handle> {
    const wanted = checkSupported(normalizeConfig(config), this.capabilities);
    const update = copyOfConfig(config);
    checkOptions(options, allowedOptions.call);
    for (;;) {
      const found = await this.#step((storage, call) => storage.createBucket(wanted, call), options?.signal, true);
      if (found.created) return this.#handle(found.bucket);
      try {
        return await this.#configure(found, update, options?.signal);
      } catch (error) {
        // Somebody deleted it between the two steps: then it is to be created.
        if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
      }
    }
  }

  async deleteKeyValue(bucket: string, options?: CallOptions): Promise<void> {
    checkBucketName(bucket);
    checkOptions(options, allowedOptions.call);
    const deleted = await this.#step((storage, call) => storage.deleteBucket(bucket, call), options?.signal, true);
    if (!deleted) throw bucketNotFound(bucket);
    this.#wake(bucket);
  }

  keyValueStoreNames(options?: CallOptions): AsyncGenerator<string, void, undefined> {
    return checkedNow(() => {
      checkOptions(options, allowedOptions.call);
      return each(this.#names(options?.signal), (name) => name, options?.signal);
    });
  }

  keyValueStores(options?: CallOptions): AsyncGenerator<KeyValueStatus, void, undefined> {
    return checkedNow(() => {
      checkOptions(options, allowedOptions.call);
      return each(this.#statuses(options?.signal), (status) => status, options?.signal);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#context.close();
    this.#sweeper.stop();
    for (const watcher of [...this.#watchers]) await watcher.stop();
    await this.#context.settledInTime();
    await this.#context.step(() => this.#context.storage.close(), undefined);
  }

  async *#names(signal: AbortSignal | undefined): AsyncGenerator<readonly string[], void, undefined> {
    for (let after = "", more = true; more; ) {
      const from = after;
      const names = await this.#step((storage, call) => storage.bucketNames(from, namesPage, call), signal);
      yield names;
      after = names.at(-1) ?? after;
      more = names.length === namesPage;
    }
  }

  async *#statuses(signal: AbortSignal | undefined): AsyncGenerator<readonly KeyValueStatus[], void, undefined> {
    for await (const name of each(this.#names(signal), (each) => each, signal)) {
      const status = await this.#statusOf(name, signal);
      if (status !== undefined) yield [status];
    }
  }

  /** The status of a bucket; undefined when it was deleted since its name was read. */
  async #statusOf(name: string, signal: AbortSignal | undefined): Promise<KeyValueStatus | undefined> {
    const found = await this.#step((storage, call) => storage.openBucket(name, call), signal);
    if (found === undefined) return undefined;
    const { bucket } = found;
    try {
      const description = await this.#step((_, call) => bucket.describe(call), signal);
      return statusOf(this.backingStore, bucket, description);
    } catch (error) {
      if (isKeyValueError(error, "BUCKET_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /** Replaces a config, again and again when others change it at the same time, each step in its own time (rules B4, E3). */
  async #configure(
    { bucket, config }: OpenedBucket,
    update: KeyValueConfig,
    signal: AbortSignal | undefined,
  ): Promise<Handle> {
    for (let from = config; ; ) {
      const to = updateConfig(from, update);
      // Nothing to write, so that who may not write, or waits for others who do, can ask for a bucket in this way too.
      if (sameConfig(from, to)) break;
      const change = (call: Call): Awaitable<boolean | "more"> => {
        const answer = bucket.configure(from, to, call);
        // Also when the caller has given up by then: rows that a lowered history has removed must not be delivered (rule W7).
        return answer instanceof Promise ? answer.finally(() => this.#wake(bucket.name)) : answer;
      };
      const done = await this.#step((_, call) => change(call), signal, true);
      if (done === true) break;
      if (done === false) from = (await this.#step((_, call) => bucket.describe(call), signal)).config;
    }
    this.#wake(bucket.name);
    return this.#handle(bucket);
  }

  async #open(name: string, signal: AbortSignal | undefined): Promise<OpenedBucket> {
    const found = await this.#step((storage, call) => storage.openBucket(name, call), signal);
    if (found === undefined) throw bucketNotFound(name);
    return found;
  }

  /** One step on the storage; a change may bring forward what expires first. */
  async #step<T>(
    start: (storage: Storage, call: Call) => Awaitable<T>,
    signal: AbortSignal | undefined,
    written = false,
  ): Promise<T> {
    this.#context.admit(signal);
    const answer = await this.#context.step((call) => start(this.#context.storage, call), signal, written);
    if (written) this.#sweeper.wrote(undefined);
    return answer;
  }

  /** A handle on a bucket; all handles of one incarnation share its lanes and its feed. */
  #handle(bucket: BucketStorage): Handle {
    let stored = this.#buckets.get(bucket.incarnation)?.deref();
    if (stored === undefined) {
      stored = new StoredBucket(this.#context, bucket, (ttl) => this.#sweeper.wrote(ttl));
      this.#buckets.set(bucket.incarnation, new WeakRef(stored));
      this.#collected.register(stored, bucket.incarnation);
    }
    return this.#makeHandle(stored, this.#watchers);
  }

  /** Our own watchers look again before the caller hears that a bucket was changed. */
  #wake(name: string): void {
    for (const reference of this.#buckets.values()) {
      const bucket = reference.deref();
      if (bucket?.storage.name === name) bucket.feed.removed();
    }
  }
}

function plainHandle(stored: StoredBucket, watchers: Set<StorageWatcher>): StorageKeyValue {
  return new StorageKeyValue(stored, watchers);
}
