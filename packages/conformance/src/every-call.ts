import type { Capabilities, KeyValue, KeyValueManager, Operation } from "@revkv/api";

/** A call of the API with good arguments: what holds for every call is shown for each of these. */
export interface EveryCall<Target> {
  readonly name: string;
  /** The options that the call has, besides `signal`. */
  readonly options: readonly OptionName[];
  /** True when nobody can tell from the outside whether it changed anything, because it does not. */
  readonly reads: boolean;
  /** Makes the call; where it gives an iterable or a watcher, what is awaited is the first item. */
  invoke(target: Target, options?: object): PromiseLike<unknown>;
}

/** Every option but `signal`. */
export type OptionName =
  | "ttl"
  | "lastRevision"
  | "ignoreDeletes"
  | "metaOnly"
  | "includeHistory"
  | "updatesOnly"
  | "resumeFromRevision"
  | "resumeIncarnation"
  | "olderThan";

const watchOptions: readonly OptionName[] = [
  "includeHistory",
  "updatesOnly",
  "ignoreDeletes",
  "metaOnly",
  "resumeFromRevision",
  "resumeIncarnation",
];

/** Every call of a bucket that the adapter claims to have; `close` and the like are not among them. */
export function bucketCalls(capabilities: Capabilities): readonly EveryCall<KeyValue>[] {
  const operations: readonly Operation[] = [{ op: "put", key: "transaction", value: "x" }];
  const reads = (
    name: string,
    invoke: EveryCall<KeyValue>["invoke"],
    options: readonly OptionName[] = [],
  ): EveryCall<KeyValue> => ({ name, options, reads: true, invoke });
  const writes = (
    name: string,
    invoke: EveryCall<KeyValue>["invoke"],
    options: readonly OptionName[] = [],
  ): EveryCall<KeyValue> => ({ name, options, reads: false, invoke });
  const ttl: readonly OptionName[] = capabilities.perKeyTtl ? ["ttl"] : [];
  return [
    reads("get", (kv, options) => kv.get("key", options)),
    reads("getRevision", (kv, options) => kv.getRevision("key", 1, options)),
    reads("getMany", (kv, options) => kv.getMany(["key", "other"], options)),
    reads("keys", (kv, options) => kv.keys(">", options)),
    reads("listKeys", (kv, options) => firstOf(kv.listKeys(">", options))),
    reads("entries", (kv, options) => firstOf(kv.entries(">", options))),
    reads("history", (kv, options) => kv.history("key", options), ["ignoreDeletes", "metaOnly"]),
    reads("watch", async (kv, options) => await firstOf(await kv.watch("key", options)), watchOptions),
    reads("watchAll", async (kv, options) => await firstOf(await kv.watchAll(options)), watchOptions),
    reads("status", (kv, options) => kv.status(options)),
    writes("put", (kv, options) => kv.put("put", "x", options), ttl),
    writes("putString", (kv, options) => kv.putString("put-string", "x", options), ttl),
    writes("create", (kv, options) => kv.create("create", "x", options), ttl),
    writes("update", (kv, options) => kv.update("update", "x", 0, options), ttl),
    writes("delete", (kv, options) => kv.delete("delete", options), ["lastRevision"]),
    writes("purge", (kv, options) => kv.purge("purge", options), ["lastRevision", ...ttl]),
    writes("deleteAll", (kv, options) => kv.deleteAll("many.*", options)),
    writes("purgeAll", (kv, options) => kv.purgeAll("many.*", options)),
    writes("purgeDeletes", (kv, options) => kv.purgeDeletes(options), ["olderThan"]),
    ...(capabilities.transactions ? [writes("transaction", (kv, options) => kv.transaction(operations, options))] : []),
  ];
}

/** Every call of a manager but `close`, on a bucket of this name. */
export function managerCalls(bucket: string): readonly EveryCall<KeyValueManager>[] {
  const call = (
    name: string,
    reads: boolean,
    invoke: EveryCall<KeyValueManager>["invoke"],
  ): EveryCall<KeyValueManager> => ({ name, options: [], reads, invoke });
  return [
    call("keyValue", true, (manager, options) => manager.keyValue(bucket, options)),
    call("createKeyValue", false, (manager, options) => manager.createKeyValue({ bucket }, options)),
    call("updateKeyValue", false, (manager, options) => manager.updateKeyValue({ bucket }, options)),
    call("createOrUpdateKeyValue", false, (manager, options) => manager.createOrUpdateKeyValue({ bucket }, options)),
    call("keyValueStoreNames", true, (manager, options) => firstOf(manager.keyValueStoreNames(options))),
    call("keyValueStores", true, (manager, options) => firstOf(manager.keyValueStores(options))),
    call("deleteKeyValue", false, (manager, options) => manager.deleteKeyValue(bucket, options)),
  ];
}

/** The first item of an iterable, which is then left. Asking for the iterable throws here if it throws at all. */
export function firstOf<T>(iterable: AsyncIterable<T>): Promise<T | undefined> {
  const iterator = iterable[Symbol.asyncIterator]();
  const first = async (): Promise<T | undefined> => {
    const result = await iterator.next();
    if (result.done === true) return undefined;
    await iterator.return?.();
    return result.value;
  };
  return first();
}
