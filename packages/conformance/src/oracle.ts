import type { EntryOperation, Operation } from "@revkv/api";
import { KeyExistsError, KeyValueError, RevisionMismatchError } from "@revkv/api";

/** The fields of a bucket's config that decide what the bucket does. */
export interface OracleConfig {
  readonly history?: number | undefined;
  readonly ttl?: number | undefined;
  readonly limitMarkerTtl?: number | undefined;
  readonly maxValueSize?: number | undefined;
  readonly maxBytes?: number | undefined;
}

/** An entry as the contract describes it, without what a reader adds to it. */
export interface OracleEntry {
  readonly key: string;
  readonly revision: number;
  readonly operation: EntryOperation;
  readonly value: Uint8Array;
  /** When it was written, in milliseconds of the oracle's clock. */
  readonly created: number;
  /** The entry's own deadline in milliseconds of the oracle's clock; undefined when it has none. */
  readonly deadline: number | undefined;
  /** True on a marker that an expiry left. */
  readonly expired: boolean;
}

/** What a watcher starts with, as far as it decides which entries are in its initial set. */
export interface OracleWatch {
  readonly includeHistory?: boolean | undefined;
  readonly updatesOnly?: boolean | undefined;
  readonly ignoreDeletes?: boolean | undefined;
  readonly resumeFromRevision?: number | undefined;
}

type Filter = string | readonly string[];

/**
 * One bucket as the contract says it, in a list: obviously right rather than fast, and written without a look at any
 * adapter. Random traces run on it and on an adapter side by side.
 *
 * Calls fail with the same errors as an adapter's. Time stands still between calls of {@link Oracle.pass}.
 */
export class Oracle {
  config: OracleConfig;
  /** The entries that are kept, in revision order. */
  kept: readonly OracleEntry[] = [];
  /** Every entry that was ever written, in revision order. */
  written: readonly OracleEntry[] = [];
  /** The newest revision given. */
  revision = 0;
  /** The highest revision of a marker that purgeDeletes or its own expiry removed (rule W13). */
  compactedTo = 0;
  #now = 0;

  constructor(config: OracleConfig = {}) {
    this.config = config;
  }

  /** The newest kept entry of a key, marker or not. */
  newest(key: string): OracleEntry | undefined {
    return this.kept.findLast((entry) => entry.key === key);
  }

  /** The key's newest entry if that is a value (rule O2). */
  get(key: string): OracleEntry | null {
    const entry = this.newest(key);
    return entry?.operation === "PUT" ? entry : null;
  }

  getRevision(key: string, revision: number): OracleEntry | null {
    const found = this.kept.find((entry) => entry.key === key && entry.revision === revision);
    return found?.operation === "PUT" ? found : null;
  }

  /** The live entries that match, sorted by key (rules L1, O9). */
  entries(filter: Filter = ">"): OracleEntry[] {
    return this.kept
      .filter((entry) => entry === this.get(entry.key) && matches(filter, entry.key))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  keys(filter: Filter = ">"): string[] {
    return this.entries(filter).map((entry) => entry.key);
  }

  history(filter: Filter, ignoreDeletes = false): OracleEntry[] {
    return this.kept.filter((entry) => matches(filter, entry.key) && !(ignoreDeletes && entry.operation !== "PUT"));
  }

  /** What the keys and values of all kept entries add up to, in bytes (rule B10). */
  bytes(): number {
    return this.kept.reduce((sum, entry) => sum + entry.key.length + entry.value.length, 0);
  }

  put(key: string, value: Uint8Array, ttl?: number): number {
    const { maxValueSize } = this.config;
    if (maxValueSize !== undefined && value.length > maxValueSize) {
      throw new KeyValueError("VALUE_TOO_LARGE", "the oracle refuses a value");
    }
    return this.#allOrNothing(() => this.#append(key, "PUT", value, ttl));
  }

  create(key: string, value: Uint8Array, ttl?: number): number {
    const live = this.get(key);
    if (live !== null) throw new KeyExistsError(key, live.revision);
    return this.put(key, value, ttl);
  }

  update(key: string, value: Uint8Array, lastRevision: number, ttl?: number): number {
    this.#expect(key, lastRevision);
    return this.put(key, value, ttl);
  }

  delete(key: string, lastRevision?: number): number {
    if (lastRevision !== undefined) this.#expect(key, lastRevision);
    return this.#append(key, "DEL", new Uint8Array(0), undefined);
  }

  purge(key: string, lastRevision?: number, ttl?: number): number {
    if (lastRevision !== undefined) this.#expect(key, lastRevision);
    return this.#append(key, "PURGE", new Uint8Array(0), ttl);
  }

  /** All operations in order, each seeing those before it, or none of them (rule O10). */
  transaction(operations: readonly Operation[]): number[] {
    if (operations.length === 0) throw new KeyValueError("INVALID_ARGUMENT", "the oracle refuses an empty transaction");
    const { maxBytes } = this.config;
    return this.#allOrNothing(() => {
      this.config = { ...this.config, maxBytes: undefined };
      const results = operations.map((operation) => this.write(operation));
      this.config = { ...this.config, maxBytes };
      return results;
    });
  }

  /** One operation of a transaction, which may also be a plain write. */
  write(operation: Operation): number {
    const { key } = operation;
    switch (operation.op) {
      case "put":
        return this.put(key, bytesOf(operation.value), operation.ttl);
      case "create":
        return this.create(key, bytesOf(operation.value), operation.ttl);
      case "update":
        return this.update(key, bytesOf(operation.value), operation.lastRevision, operation.ttl);
      case "delete":
        return this.delete(key, operation.lastRevision);
      case "purge":
        return this.purge(key, operation.lastRevision, operation.ttl);
      case "check": {
        const found = this.newest(key)?.revision ?? 0;
        if (operation.lastRevision !== null) this.#expect(key, operation.lastRevision);
        else if (this.get(key) !== null) throw new RevisionMismatchError(key, null, found);
        return found;
      }
    }
  }

  /** Writes a marker to each of these keys, in this order: what deleteAll and purgeAll do to the live ones (rule O11). */
  markAll(operation: "DEL" | "PURGE", keys: readonly string[]): number {
    for (const key of keys) this.#append(key, operation, new Uint8Array(0), undefined);
    return keys.length;
  }

  /** Removes what purgeDeletes removes; resolves to the number of entries (rules P1, P2). */
  purgeDeletes(olderThan: number): number {
    const goes = (entry: OracleEntry): boolean => {
      const newest = this.newest(entry.key) ?? entry;
      if (newest.operation === "PUT") return false;
      return newest.created + olderThan <= this.#now || entry !== newest;
    };
    const doomed = this.kept.filter(goes);
    this.#compact(doomed);
    return doomed.length;
  }

  /** Changes the config; what it no longer allows is gone (rules B6, T1). Returns keys like {@link Oracle.pass}. */
  configure(change: OracleConfig): string[] {
    this.config = { ...this.config, ...change };
    for (const key of new Set(this.kept.map((entry) => entry.key))) this.#trim(key);
    return this.#expire();
  }

  /**
   * Lets time pass. Of the keys whose newest value expires those that get a marker are returned: the contract does not
   * say in which order, so that the caller does, with {@link Oracle.markExpired}.
   */
  pass(milliseconds: number): string[] {
    this.#now += milliseconds;
    return this.#expire();
  }

  /** Writes the expiry markers of these keys, in this order (rule T2). */
  markExpired(keys: readonly string[]): void {
    for (const key of keys) {
      this.#append(key, "PURGE", new Uint8Array(0), this.config.limitMarkerTtl, true);
    }
  }

  /** When an entry expires, in milliseconds after it was written; undefined when it does not (rule T1). */
  lifetime(entry: OracleEntry): number | undefined {
    const own = entry.deadline === undefined ? undefined : entry.deadline - entry.created;
    const { ttl } = this.config;
    return own === undefined || ttl === undefined ? (own ?? ttl) : Math.min(own, ttl);
  }

  /** The initial set of a watcher (rules W1, W2, W3, W5). */
  initial(filter: Filter, watch: OracleWatch = {}): OracleEntry[] {
    if (watch.updatesOnly === true) return [];
    const from = watch.resumeFromRevision;
    const all = watch.includeHistory === true || from !== undefined;
    return this.history(filter, watch.ignoreDeletes).filter(
      (entry) => entry.revision >= (from ?? 1) && (all || entry === this.newest(entry.key)),
    );
  }

  #expect(key: string, lastRevision: number): void {
    const actual = this.newest(key)?.revision ?? 0;
    if (actual !== lastRevision) throw new RevisionMismatchError(key, lastRevision, actual);
  }

  #append(key: string, operation: EntryOperation, value: Uint8Array, ttl: number | undefined, expired = false): number {
    this.revision += 1;
    const entry: OracleEntry = {
      key,
      revision: this.revision,
      operation,
      value: value.slice(),
      created: this.#now,
      deadline: ttl === undefined ? undefined : this.#now + ttl,
      expired,
    };
    this.written = [...this.written, entry];
    this.kept = [...this.kept, entry];
    if (operation === "PURGE") this.#drop(this.kept.filter((other) => other.key === key && other !== entry));
    this.#trim(key);
    return this.revision;
  }

  /** Runs a write, and undoes it when it fails or takes the bucket over its limit (rules M10, B10). */
  #allOrNothing<T>(write: () => T): T {
    const { config, kept, written, revision } = this;
    const before = this.bytes();
    try {
      const result = write();
      const { maxBytes } = this.config;
      const after = this.bytes();
      const values = this.written.slice(written.length).some((entry) => entry.operation === "PUT");
      if (maxBytes !== undefined && values && after > before && after > maxBytes) {
        throw new KeyValueError("BUCKET_FULL", "the oracle's bucket is full");
      }
      return result;
    } catch (error) {
      Object.assign(this, { config, kept, written, revision });
      throw error;
    }
  }

  /** Keeps the newest entries of a key, as many as the bucket's history says (rule M4). */
  #trim(key: string): void {
    const entries = this.kept.filter((entry) => entry.key === key);
    this.#drop(entries.slice(0, Math.max(0, entries.length - (this.config.history ?? 1))));
  }

  /** Removes what is due; returns the keys that get an expiry marker (rules T1, T2, T4). */
  #expire(): string[] {
    const due = this.kept.filter(
      (entry) => entry.created + (this.lifetime(entry) ?? Number.POSITIVE_INFINITY) <= this.#now,
    );
    const ended = due.filter((entry) => entry === this.newest(entry.key));
    this.#compact(due);
    for (const { key } of ended) this.#drop(this.kept.filter((entry) => entry.key === key));
    if (this.config.limitMarkerTtl === undefined) return [];
    return ended.filter((entry) => entry.operation === "PUT").map((entry) => entry.key);
  }

  /** Removes entries so that their markers can no longer be learnt of (rule W13). */
  #compact(doomed: readonly OracleEntry[]): void {
    const markers = doomed.filter((entry) => entry.operation !== "PUT");
    this.compactedTo = Math.max(this.compactedTo, ...markers.map((entry) => entry.revision));
    this.#drop(doomed);
  }

  #drop(doomed: readonly OracleEntry[]): void {
    this.kept = this.kept.filter((entry) => !doomed.includes(entry));
  }
}

/** Tells whether a key matches a filter, or one of several; an empty list is all keys (rules K2, K3). */
export function matches(filter: Filter, key: string): boolean {
  const filters = typeof filter === "string" ? [filter] : filter;
  return filters.length === 0 || filters.some((one) => matchesTokens(one.split("."), key.split(".")));
}

function matchesTokens(filter: readonly string[], key: readonly string[]): boolean {
  const [wanted, ...filterRest] = filter;
  const [token, ...keyRest] = key;
  if (wanted === undefined || token === undefined) return wanted === undefined && token === undefined;
  if (wanted === ">") return true;
  return (wanted === "*" || wanted === token) && matchesTokens(filterRest, keyRest);
}

function bytesOf(value: Uint8Array | string): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}
