import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { KV, KvWatchEntry, KvWatchOptions } from "@nats-io/kv";
import { headers } from "@nats-io/transport-node";
import type {
  DeleteOptions,
  HistoryOptions,
  KeyValue,
  KeyValueEntry,
  KeyValueStatus,
  KeyWatcher,
  PurgeDeletesOptions,
  PurgeOptions,
  WatchOptions,
  WriteOptions,
} from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { BareWatcher } from "./bare-watcher.ts";
import type { Asked } from "./rename.ts";
import { entryOf, errorOf, statusOf } from "./rename.ts";

type Filter = string | readonly string[];

/** A bucket of @nats-io/kv as it is: every call is its call, every answer its answer, under our names. */
export class BareKeyValue implements KeyValue {
  readonly bucket: string;
  readonly #kv: KV;
  readonly #jetstream: JetStreamClient;
  readonly #manager: JetStreamManager;

  constructor(bucket: string, kv: KV, jetstream: JetStreamClient, manager: JetStreamManager) {
    this.bucket = bucket;
    this.#kv = kv;
    this.#jetstream = jetstream;
    this.#manager = manager;
  }

  async get(key: string): Promise<KeyValueEntry | null> {
    const entry = await named({}, () => this.#kv.get(key));
    return entry === null || entry.operation !== "PUT" ? null : entryOf(entry);
  }

  async getRevision(key: string, revision: number): Promise<KeyValueEntry | null> {
    const entry = await named({}, () => this.#kv.get(key, { revision }));
    return entry === null || entry.operation !== "PUT" ? null : entryOf(entry);
  }

  async getMany(): Promise<never> {
    throw unsupported("NATS reads one key at a time");
  }

  async put(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number> {
    refuseTtl(options?.ttl);
    return await named({ isWrite: true }, () => this.#kv.put(key, value));
  }

  putString(key: string, value: string, options?: WriteOptions): Promise<number> {
    return this.put(key, value, options);
  }

  async create(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number> {
    refuseTtl(options?.ttl);
    return await named({ key, isCreate: true, isWrite: true }, () => this.#kv.create(key, value));
  }

  async update(key: string, value: Uint8Array | string, lastRevision: number, options?: WriteOptions): Promise<number> {
    refuseTtl(options?.ttl);
    const asked = { key, expected: lastRevision, isWrite: true };
    // What its `update` does, which refuses 0 for no reason of the server's.
    return await named(asked, () => this.#kv.put(key, value, { previousSeq: lastRevision }));
  }

  delete(key: string, options?: DeleteOptions): Promise<number> {
    return this.#mark(key, { "KV-Operation": "DEL" }, options?.lastRevision);
  }

  async purge(key: string, options?: PurgeOptions): Promise<number> {
    refuseTtl(options?.ttl);
    return await this.#mark(key, { "KV-Operation": "PURGE", "Nats-Rollup": "sub" }, options?.lastRevision);
  }

  /** What `delete` and `purge` of @nats-io/kv publish; they do not give the revision that the server answers. */
  async #mark(key: string, marks: Readonly<Record<string, string>>, lastRevision: number | undefined): Promise<number> {
    const kv = this.#kv as KV & Record<"validateKey" | "hasWildcards", (key: string) => unknown>;
    const isMany = await named({}, async () => kv.hasWildcards(key) || void kv.validateKey(key));
    if (isMany) return await this.#each(key, (one) => this.#mark(one, marks, undefined));
    const message = headers();
    for (const [name, value] of Object.entries(marks)) message.set(name, value);
    if (lastRevision !== undefined) message.set("Nats-Expected-Last-Subject-Sequence", `${lastRevision}`);
    const asked = { key, expected: lastRevision ?? 0, isWrite: true };
    const subject = `$KV.${this.bucket}.${key}`;
    const answer = await named(asked, () => this.#jetstream.publish(subject, "", { headers: message }));
    return answer.seq;
  }

  async transaction(): Promise<never> {
    throw unsupported("NATS has no transactions");
  }

  async keys(filter?: Filter): Promise<string[]> {
    const keys: string[] = [];
    for await (const key of this.listKeys(filter)) keys.push(key);
    return keys;
  }

  listKeys(filter: Filter = ">"): AsyncGenerator<string, void, undefined> {
    return namedItems(() => this.#kv.keys(keyOf(filter)));
  }

  async *entries(filter: Filter = ">"): AsyncGenerator<KeyValueEntry, void, undefined> {
    const watcher = await this.watch(filter);
    for await (const entry of watcher) {
      if (entry === null) return;
      if (entry.operation === "PUT") yield entry;
    }
  }

  async history(filter: Filter, options: HistoryOptions = {}): Promise<KeyValueEntry[]> {
    const { metaOnly = false, ignoreDeletes = false } = options;
    // Its types say nothing of an option that it has.
    const ask = { key: keyOf(filter), headers_only: metaOnly };
    const entries: KeyValueEntry[] = [];
    for await (const entry of namedItems(() => this.#kv.history(ask))) {
      if (!ignoreDeletes || entry.operation === "PUT") entries.push(entryOf(entry, entry.delta));
    }
    return entries;
  }

  async watch(filter: Filter, options: WatchOptions = {}): Promise<KeyWatcher> {
    const { includeHistory, updatesOnly, ignoreDeletes, metaOnly, resumeFromRevision } = options;
    const ask: KvWatchOptions = {
      key: keyOf(filter),
      include: updatesOnly ? "updates" : includeHistory ? "history" : "",
      ignoreDeletes: ignoreDeletes ?? false,
      headers_only: metaOnly ?? false,
      ...(resumeFromRevision === undefined ? {} : { resumeFromRevision }),
    };
    const items = await named({}, () => this.#kv.watch(ask));
    const consumer = (items as unknown as { readonly _data: { info(cached: true): Promise<{ num_pending: number }> } })
      ._data;
    const { num_pending: pending } = await named({}, () => consumer.info(true));
    return new BareWatcher(items as AsyncIterable<KvWatchEntry> & { stop(): void }, updatesOnly ? 0 : pending);
  }

  watchAll(options?: WatchOptions): Promise<KeyWatcher> {
    return this.watch(">", options);
  }

  deleteAll(filter?: Filter): Promise<number> {
    return this.#each(filter, (key) => this.delete(key));
  }

  purgeAll(filter?: Filter): Promise<number> {
    return this.#each(filter, (key) => this.purge(key));
  }

  /** What `delete` and `purge` of @nats-io/kv do with a wildcard; they do not tell how many keys there were. */
  async #each(filter: Filter = ">", mark: (key: string) => Promise<number>): Promise<number> {
    const keys = await this.keys(filter);
    await Promise.all(keys.map(mark));
    return keys.length;
  }

  async purgeDeletes(options?: PurgeDeletesOptions): Promise<number> {
    const kv = this.#kv as KV & { purgeDeletes(olderMillis?: number): Promise<{ readonly purged: number }> };
    const { purged } = await named({ isWrite: true }, () => kv.purgeDeletes(options?.olderThan));
    return purged;
  }

  async status(): Promise<KeyValueStatus> {
    return statusOf(await named({}, () => this.#manager.streams.info(`KV_${this.bucket}`)));
  }
}

/** Makes a call of NATS; its error is renamed. */
export async function named<T>(asked: Asked, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw errorOf(error, asked);
  }
}

/** Reads what a call of NATS gives item by item; its errors are renamed. */
export async function* namedItems<T>(call: () => Promise<AsyncIterable<T>>): AsyncGenerator<T, void, undefined> {
  try {
    yield* await call();
  } catch (error) {
    throw errorOf(error, {});
  }
}

function keyOf(filter: Filter): string | string[] {
  return typeof filter === "string" ? filter : [...filter];
}

function unsupported(message: string): KeyValueError {
  return new KeyValueError("UNSUPPORTED", message);
}

function refuseTtl(ttl: number | undefined): void {
  if (ttl !== undefined) throw unsupported("NATS 2.9 has no ttl for single entries");
}
