import type { Capabilities, KeyValue, KeyValueManager } from "@revkv/api";

/** A call of the API with good arguments: what must hold for every call is shown with each of these. */
export interface Call {
  readonly name: string;
  /** The options that the call has, besides `signal`. */
  readonly options: readonly OptionName[];
  /** Makes the call; where it gives an iterable or a watcher, what is awaited is the first item. */
  readonly invoke: (options?: object) => Promise<unknown>;
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

/** Every call of a bucket that the adapter claims to have. */
export function bucketCalls(kv: KeyValue, capabilities: Capabilities): readonly Call[] {
  const ttl: readonly OptionName[] = capabilities.perKeyTtl ? ["ttl"] : [];
  const calls: readonly Call[] = [
    call("get", (options) => kv.get("key", options)),
    call("getRevision", (options) => kv.getRevision("key", 1, options)),
    call("keys", (options) => kv.keys(">", options)),
    call("listKeys", (options) => firstOf(kv.listKeys(">", options))),
    call("entries", (options) => firstOf(kv.entries(">", options))),
    call("history", (options) => kv.history("key", options), ["ignoreDeletes", "metaOnly"]),
    call("watch", (options) => watched(kv.watch("key", options)), watchOptions),
    call("watchAll", (options) => watched(kv.watchAll(options)), watchOptions),
    call("status", (options) => kv.status(options)),
    call("put", (options) => kv.put("put", "x", options), ttl),
    call("putString", (options) => kv.putString("put-string", "x", options), ttl),
    call("create", (options) => kv.create("create", "x", options), ttl),
    call("update", (options) => kv.update("update", "x", 0, options), ttl),
    call("delete", (options) => kv.delete("delete", options), ["lastRevision"]),
    call("purge", (options) => kv.purge("purge", options), ["lastRevision", ...ttl]),
    call("deleteAll", (options) => kv.deleteAll(">", options)),
    call("purgeAll", (options) => kv.purgeAll(">", options)),
    call("purgeDeletes", (options) => kv.purgeDeletes(options), ["olderThan"]),
  ];
  const getMany = call("getMany", (options) => kv.getMany(["key", "other"], options));
  const transaction = call("transaction", (options) =>
    kv.transaction([{ op: "put", key: "transaction", value: "x" }], options),
  );
  return [
    ...calls,
    ...(capabilities.snapshotReads ? [getMany] : []),
    ...(capabilities.transactions ? [transaction] : []),
  ];
}

/** Every call of a manager but `close`, on a bucket of this name. */
export function managerCalls(manager: KeyValueManager, bucket: string): readonly Call[] {
  return [
    call("keyValue", (options) => manager.keyValue(bucket, options)),
    call("createKeyValue", (options) => manager.createKeyValue({ bucket }, options)),
    call("updateKeyValue", (options) => manager.updateKeyValue({ bucket, description: "updated" }, options)),
    call("createOrUpdateKeyValue", (options) => manager.createOrUpdateKeyValue({ bucket, history: 9 }, options)),
    call("keyValueStoreNames", (options) => firstOf(manager.keyValueStoreNames(options))),
    call("keyValueStores", (options) => firstOf(manager.keyValueStores(options))),
    call("deleteKeyValue", (options) => manager.deleteKeyValue(bucket, options)),
  ];
}

/** The first item of an iterable, which is then left. What asking for the iterable throws is thrown here. */
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

async function watched(watcher: Promise<AsyncIterable<unknown>>): Promise<unknown> {
  return await firstOf(await watcher);
}

function call(name: string, invoke: Call["invoke"], options: readonly OptionName[] = []): Call {
  return { name, options, invoke };
}
