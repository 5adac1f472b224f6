import type { Capabilities } from "../capabilities.ts";
import type { KeyValueEntry } from "../entry.ts";
import { KeyValueError } from "../errors.ts";
import type { KeyFilter } from "../filter.ts";
import { compileFilter } from "../filter.ts";
import type { KeyValue } from "../key-value.ts";
import { checkKey, shown } from "../names.ts";
import type { Operation } from "../operation.ts";
import type {
  CallOptions,
  DeleteOptions,
  HistoryOptions,
  PurgeDeletesOptions,
  PurgeOptions,
  WriteOptions,
} from "../options.ts";
import type { KeyValueStatus } from "../status.ts";
import type { KeyWatcher, WatchOptions } from "../watcher.ts";
import {
  allowedOptions,
  checkFlags,
  checkInteger,
  checkOptions,
  invalid,
  markerWrite,
  putWrite,
  writeOf,
} from "./arguments.ts";
import { checkedNow, each } from "./iteration.ts";
import { openWatcher } from "./open-watcher.ts";
import { keyPages, readHistory, removeMatching } from "./pages.ts";
import type { Row } from "./row.ts";
import { statusOf } from "./status.ts";
import type { Awaitable } from "./storage.ts";
import type { StorageWatcher } from "./storage-watcher.ts";
import type { StoredBucket } from "./stored-bucket.ts";
import { StoredEntry } from "./stored-entry.ts";
import { isTurnUsedUp, nextTurn } from "./turn.ts";
import type { Write } from "./write.ts";

/** How old a marker must be for purgeDeletes to remove it, unless told otherwise, in milliseconds (rule P1). */
const defaultOlderThan = 30 * 60 * 1000;

/** The `KeyValue` of every adapter on the storage port: it checks and encodes, and leaves storing to the storage. */
export class StorageKeyValue implements KeyValue {
  readonly bucket: string;
  readonly #stored: StoredBucket;
  readonly #watchers: Set<StorageWatcher>;

  constructor(stored: StoredBucket, watchers: Set<StorageWatcher>) {
    this.bucket = stored.storage.name;
    this.#stored = stored;
    this.#watchers = watchers;
  }

  async get(key: string, options?: CallOptions): Promise<KeyValueEntry | null> {
    checkKey(key);
    checkOptions(options, allowedOptions.call);
    const answer = this.#stored.read([key], options?.signal);
    const row = (answer instanceof Promise ? await answer : answer)[0];
    return row === undefined ? null : new StoredEntry(this.bucket, row);
  }

  async getRevision(key: string, revision: number, options?: CallOptions): Promise<KeyValueEntry | null> {
    checkKey(key);
    checkInteger(revision, "revision", 1);
    checkOptions(options, allowedOptions.call);
    const row = await this.#stored.step((storage, call) => storage.readRevision(key, revision, call), options?.signal);
    return row?.operation === "PUT" ? new StoredEntry(this.bucket, row) : null;
  }

  async getMany(keys: readonly string[], options?: CallOptions): Promise<(KeyValueEntry | null)[]> {
    if (!Array.isArray(keys)) throw invalid(`keys are a list, not ${shown(keys)}`);
    for (const key of keys) checkKey(key);
    checkOptions(options, allowedOptions.call);
    if (!this.#stored.context.storage.capabilities.snapshotReads) {
      throw new KeyValueError("UNSUPPORTED", "several keys cannot be read as of one revision here");
    }
    const rows = await this.#stored.read([...keys], options?.signal);
    return rows.map((row) => (row === undefined ? null : new StoredEntry(this.bucket, row)));
  }

  async put(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number> {
    checkOptions(options, allowedOptions.write);
    return this.#one(putWrite(key, value, undefined, options?.ttl, this.#capabilities), options);
  }

  async putString(key: string, value: string, options?: WriteOptions): Promise<number> {
    if (typeof value !== "string") throw invalid(`the value is a string, not ${shown(value)}`);
    return this.put(key, value, options);
  }

  async create(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number> {
    checkOptions(options, allowedOptions.write);
    return this.#one(putWrite(key, value, null, options?.ttl, this.#capabilities), options);
  }

  async update(key: string, value: Uint8Array | string, lastRevision: number, options?: WriteOptions): Promise<number> {
    checkInteger(lastRevision, "lastRevision", 0);
    checkOptions(options, allowedOptions.write);
    return this.#one(putWrite(key, value, lastRevision, options?.ttl, this.#capabilities), options);
  }

  async delete(key: string, options?: DeleteOptions): Promise<number> {
    checkOptions(options, allowedOptions.delete);
    return this.#one(markerWrite("delete", key, options, undefined, this.#capabilities), options);
  }

  async purge(key: string, options?: PurgeOptions): Promise<number> {
    checkOptions(options, allowedOptions.purge);
    return this.#one(markerWrite("purge", key, options, options?.ttl, this.#capabilities), options);
  }

  async transaction(operations: readonly Operation[], options?: CallOptions): Promise<number[]> {
    const { transactions, maxOperations } = this.#capabilities;
    if (!Array.isArray(operations)) throw invalid(`operations are a list, not ${shown(operations)}`);
    if (operations.length === 0) throw invalid("a transaction has at least one operation");
    checkOptions(options, allowedOptions.call);
    if (!transactions) throw new KeyValueError("UNSUPPORTED", "there are no transactions here");
    if (operations.length > maxOperations) {
      throw new KeyValueError("UNSUPPORTED", `${operations.length} operations, at most ${maxOperations} are possible`);
    }
    // Not map(), which passes over the holes of a sparse list.
    const unit = Array.from(operations, (operation, index) => writeOf(operation, this.#capabilities, index));
    return [...(await this.#stored.write(unit, options?.signal))];
  }

  async keys(filter?: string | readonly string[], options?: CallOptions): Promise<string[]> {
    const keys: string[] = [];
    for await (const rows of this.#pages(filter, options, false)) for (const row of rows) keys.push(row.key);
    return keys;
  }

  listKeys(filter?: string | readonly string[], options?: CallOptions): AsyncGenerator<string, void, undefined> {
    return checkedNow(() => each(this.#pages(filter, options, false), ({ key }) => key, options?.signal));
  }

  entries(filter?: string | readonly string[], options?: CallOptions): AsyncGenerator<KeyValueEntry, void, undefined> {
    const entry = (row: Row): KeyValueEntry => new StoredEntry(this.bucket, row);
    return checkedNow(() => each(this.#pages(filter, options, true), entry, options?.signal));
  }

  async history(filter: string | readonly string[], options?: HistoryOptions): Promise<KeyValueEntry[]> {
    const compiled = this.#filter(filter);
    checkOptions(options, allowedOptions.history);
    if (options !== undefined) checkFlags(options, ["ignoreDeletes", "metaOnly"]);
    return readHistory(this.#stored, compiled, options ?? {});
  }

  async watch(filter: string | readonly string[], options?: WatchOptions): Promise<KeyWatcher> {
    const compiled = this.#filter(filter);
    checkOptions(options, allowedOptions.watch);
    return openWatcher(this.#stored, this.#watchers, compiled, options ?? {});
  }

  async watchAll(options?: WatchOptions): Promise<KeyWatcher> {
    return this.watch(">", options);
  }

  async deleteAll(filter?: string | readonly string[], options?: CallOptions): Promise<number> {
    return removeMatching(this.#stored, "delete", this.#pages(filter, options, false), options?.signal);
  }

  async purgeAll(filter?: string | readonly string[], options?: CallOptions): Promise<number> {
    return removeMatching(this.#stored, "purge", this.#pages(filter, options, false), options?.signal);
  }

  async purgeDeletes(options?: PurgeDeletesOptions): Promise<number> {
    checkOptions(options, allowedOptions.purgeDeletes);
    const { olderThan = defaultOlderThan } = options ?? {};
    checkInteger(olderThan, "olderThan", 0);
    const limit = this.#stored.context.storage.traits.pageRows;
    let removed = 0;
    for (let after = "", done = false; !done; ) {
      if (isTurnUsedUp()) await nextTurn();
      const query = { olderThan, after, limit };
      const page = await this.#stored.step((storage, call) => storage.purgeMarkers(query, call), options?.signal, true);
      removed += page.removed;
      after = page.end;
      done = page.done;
    }
    return removed;
  }

  async status(options?: CallOptions): Promise<KeyValueStatus> {
    checkOptions(options, allowedOptions.call);
    const description = await this.#stored.step((storage, call) => storage.describe(call), options?.signal);
    return statusOf(this.#stored.context.storage.backingStore, this.#stored.storage, description);
  }

  get #capabilities(): Capabilities {
    return this.#stored.context.storage.capabilities;
  }

  #one(write: Write, options: CallOptions | undefined): Awaitable<number> {
    const answer = this.#stored.write([write], options?.signal);
    return answer instanceof Promise ? answer.then((revisions) => revisions[0] as number) : (answer[0] as number);
  }

  #filter(filter: string | readonly string[]): KeyFilter {
    const { multipleFilters, maxFilters } = this.#capabilities;
    return compileFilter(filter, multipleFilters ? maxFilters : 1);
  }

  #pages(
    filter: string | readonly string[] | undefined,
    options: CallOptions | undefined,
    values: boolean,
  ): ReturnType<typeof keyPages> {
    const compiled = this.#filter(filter === undefined ? ">" : filter);
    checkOptions(options, allowedOptions.call);
    return keyPages(this.#stored, compiled, values, options?.signal);
  }
}
