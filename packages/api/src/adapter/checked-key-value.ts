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
import type { Row } from "./row.ts";
import type { Awaitable } from "./storage.ts";
import { StoredEntry } from "./stored-entry.ts";
import type { WatchPlan } from "./watch-plan.ts";
import { watchPlanOf } from "./watch-plan.ts";
import type { Unit, Write } from "./write.ts";

/** How old a marker must be for purgeDeletes to remove it, unless told otherwise, in milliseconds (rule P1). */
const defaultOlderThan = 30 * 60 * 1000;

/**
 * What a bucket does once the arguments of a call have been checked. The kit implements it on the storage port; an engine
 * that has revisions, history and watchers of its own implements it itself.
 */
export interface BucketOperations {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** The live row of each key, undefined where there is none, all as of one revision if there are several (rule O9). */
  read(keys: readonly string[], signal: AbortSignal | undefined): Awaitable<readonly (Row | undefined)[]>;
  /** A kept row of this key with this revision, marker or not; undefined when there is none. */
  readRevision(key: string, revision: number, signal: AbortSignal | undefined): Awaitable<Row | undefined>;
  /** Carries out operations together or not at all; throws or rejects with what they were refused for. */
  write(unit: Unit, signal: AbortSignal | undefined): Awaitable<readonly number[]>;
  /** The live rows that match, sorted by key, a page at a time (rules L1, O9). */
  keyPages(
    filter: KeyFilter,
    values: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly Row[], void, undefined>;
  /** All kept rows that match, in revision order (rules H1, H4). */
  history(filter: KeyFilter, values: boolean, signal: AbortSignal | undefined): Promise<readonly Row[]>;
  watch(plan: WatchPlan): Promise<KeyWatcher>;
  /** Writes a marker to each key of the pages that is still at the revision that was read (rule O11). */
  remove(
    op: "delete" | "purge",
    pages: AsyncIterable<readonly Row[]>,
    signal: AbortSignal | undefined,
  ): Promise<number>;
  /** Removes keys whose newest row is a marker, and older rows behind younger markers (rules P1, P2). */
  purgeDeletes(olderThan: number, signal: AbortSignal | undefined): Promise<number>;
  status(signal: AbortSignal | undefined): Promise<KeyValueStatus>;
}

/** The `KeyValue` of every adapter: it checks and encodes, and leaves the rest to the bucket's operations. */
export class CheckedKeyValue implements KeyValue {
  readonly bucket: string;
  readonly #operations: BucketOperations;

  constructor(operations: BucketOperations) {
    this.bucket = operations.name;
    this.#operations = operations;
  }

  async get(key: string, options?: CallOptions): Promise<KeyValueEntry | null> {
    checkKey(key);
    checkOptions(options, allowedOptions.call);
    const answer = this.#operations.read([key], options?.signal);
    const row = (answer instanceof Promise ? await answer : answer)[0];
    return row === undefined ? null : new StoredEntry(this.bucket, row);
  }

  async getRevision(key: string, revision: number, options?: CallOptions): Promise<KeyValueEntry | null> {
    checkKey(key);
    checkInteger(revision, "revision", 1);
    checkOptions(options, allowedOptions.call);
    const row = await this.#operations.readRevision(key, revision, options?.signal);
    return row?.operation === "PUT" ? new StoredEntry(this.bucket, row) : null;
  }

  async getMany(keys: readonly string[], options?: CallOptions): Promise<(KeyValueEntry | null)[]> {
    if (!Array.isArray(keys)) throw invalid(`keys are a list, not ${shown(keys)}`);
    for (const key of keys) checkKey(key);
    checkOptions(options, allowedOptions.call);
    if (!this.#capabilities.snapshotReads) {
      throw new KeyValueError("UNSUPPORTED", "several keys cannot be read as of one revision here");
    }
    const rows = await this.#operations.read([...keys], options?.signal);
    return rows.map((row) => (row === undefined ? null : new StoredEntry(this.bucket, row)));
  }

  put(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number> {
    return this.#put(key, value, undefined, options);
  }

  putString(key: string, value: string, options?: WriteOptions): Promise<number> {
    if (typeof value === "string") return this.#put(key, value, undefined, options);
    return Promise.reject(invalid(`the value is a string, not ${shown(value)}`));
  }

  create(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number> {
    return this.#put(key, value, null, options);
  }

  update(key: string, value: Uint8Array | string, lastRevision: number, options?: WriteOptions): Promise<number> {
    return this.#one(options, () => {
      checkInteger(lastRevision, "lastRevision", 0);
      checkOptions(options, allowedOptions.write);
      return putWrite(key, value, lastRevision, options?.ttl, this.#capabilities);
    });
  }

  delete(key: string, options?: DeleteOptions): Promise<number> {
    return this.#one(options, () => {
      checkOptions(options, allowedOptions.delete);
      return markerWrite("delete", key, options, undefined, this.#capabilities);
    });
  }

  purge(key: string, options?: PurgeOptions): Promise<number> {
    return this.#one(options, () => {
      checkOptions(options, allowedOptions.purge);
      return markerWrite("purge", key, options, options?.ttl, this.#capabilities);
    });
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
    return [...(await this.#operations.write(unit, options?.signal))];
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
    const { ignoreDeletes = false, metaOnly = false, signal } = options ?? {};
    const rows = await this.#operations.history(compiled, !metaOnly, signal);
    return historyEntries(this.bucket, ignoreDeletes ? rows.filter(isPut) : rows, !metaOnly);
  }

  async watch(filter: string | readonly string[], options?: WatchOptions): Promise<KeyWatcher> {
    const compiled = this.#filter(filter);
    checkOptions(options, allowedOptions.watch);
    const plan = watchPlanOf(compiled, options ?? {});
    if (plan.incarnation !== undefined && !this.#capabilities.bucketIncarnation) {
      throw new KeyValueError("UNSUPPORTED", "buckets have no incarnations here");
    }
    return this.#operations.watch(plan);
  }

  async watchAll(options?: WatchOptions): Promise<KeyWatcher> {
    return this.watch(">", options);
  }

  async deleteAll(filter?: string | readonly string[], options?: CallOptions): Promise<number> {
    return this.#operations.remove("delete", this.#pages(filter, options, false), options?.signal);
  }

  async purgeAll(filter?: string | readonly string[], options?: CallOptions): Promise<number> {
    return this.#operations.remove("purge", this.#pages(filter, options, false), options?.signal);
  }

  async purgeDeletes(options?: PurgeDeletesOptions): Promise<number> {
    checkOptions(options, allowedOptions.purgeDeletes);
    const { olderThan = defaultOlderThan } = options ?? {};
    checkInteger(olderThan, "olderThan", 0);
    return this.#operations.purgeDeletes(olderThan, options?.signal);
  }

  async status(options?: CallOptions): Promise<KeyValueStatus> {
    checkOptions(options, allowedOptions.call);
    return this.#operations.status(options?.signal);
  }

  get #capabilities(): Capabilities {
    return this.#operations.capabilities;
  }

  #put(
    key: string,
    value: Uint8Array | string,
    expect: null | undefined,
    options: WriteOptions | undefined,
  ): Promise<number> {
    return this.#one(options, () => {
      checkOptions(options, allowedOptions.write);
      return putWrite(key, value, expect, options?.ttl, this.#capabilities);
    });
  }

  /** Carries out one write, made by `write` of checked arguments. No promise more than needed: every write comes by. */
  async #one(options: CallOptions | undefined, write: () => Write): Promise<number> {
    const checked = write();
    const answer = this.#operations.write([checked], options?.signal);
    return (answer instanceof Promise ? await answer : answer)[0] as number;
  }

  #filter(filter: string | readonly string[]): KeyFilter {
    const { multipleFilters, maxFilters } = this.#capabilities;
    return compileFilter(filter, multipleFilters ? maxFilters : 1);
  }

  #pages(
    filter: string | readonly string[] | undefined,
    options: CallOptions | undefined,
    values: boolean,
  ): AsyncGenerator<readonly Row[], void, undefined> {
    const compiled = this.#filter(filter === undefined ? ">" : filter);
    checkOptions(options, allowedOptions.call);
    return this.#operations.keyPages(compiled, values, options?.signal);
  }
}

function isPut(row: Row): boolean {
  return row.operation === "PUT";
}

/** Makes rows entries that know how many newer ones of their key are in the result (rule H2). */
function historyEntries(bucket: string, rows: readonly Row[], withValues: boolean): KeyValueEntry[] {
  const newer = new Map<string, number>();
  const entries: KeyValueEntry[] = new Array(rows.length);
  for (let index = rows.length - 1; index >= 0; index -= 1) {
    const row = rows[index] as Row;
    const delta = newer.get(row.key) ?? 0;
    newer.set(row.key, delta + 1);
    entries[index] = new StoredEntry(bucket, row, false, delta, withValues);
  }
  return entries;
}
