import type { NormalizedConfig } from "@revkv/api";
import { KeyValueError, sameConfig } from "@revkv/api";
import type {
  Awaitable,
  BucketDescription,
  BucketStorage,
  Call,
  Head,
  KeyPage,
  KeyQuery,
  LogPage,
  LogQuery,
  Outcome,
  PurgePage,
  PurgeQuery,
  Row,
  Unit,
} from "@revkv/api/adapter";
import { applyUnits, dependsOnRows, expiryOf, purgeMarker, settleDue } from "@revkv/api/adapter";
import type { BucketState } from "./bucket-state.ts";
import { agedBefore, isExpiring, StateReader, viewParameters } from "./bucket-state.ts";
import { BucketStatements } from "./bucket-statements.ts";
import { readKeyPage } from "./key-reader.ts";
import { LapsedMarkers } from "./lapsed-markers.ts";
import { readLogPage } from "./log-reader.ts";
import { listOf, listOfKeys, readerRow } from "./rows.ts";
import { countBytes, stopCountingBytes } from "./schema.ts";
import { SqliteLedger } from "./sqlite-ledger.ts";
import type { Store } from "./store.ts";

/** A bucket in a table of its own. */
export class SqliteBucket implements BucketStorage {
  readonly name: string;
  readonly incarnation: string;
  readonly #id: number;
  readonly #store: Store;
  readonly #statements: BucketStatements;
  readonly #state: StateReader;
  readonly #lapsed: LapsedMarkers;

  constructor(store: Store, id: number, name: string, incarnation: string) {
    this.#store = store;
    this.#id = id;
    this.name = name;
    this.incarnation = incarnation;
    this.#statements = new BucketStatements(store.connection.driver, store.prefix, id);
    this.#state = new StateReader(this.#statements);
    this.#lapsed = new LapsedMarkers(this.#statements);
  }

  commit(units: readonly Unit[], call: Call): Awaitable<readonly Outcome[]> {
    return this.#change(call, (ledger) => {
      const keys = new Set<string>();
      for (const unit of units) if (dependsOnRows(ledger.config, unit)) for (const { key } of unit) keys.add(key);
      ledger.prepare(keys);
      return applyUnits(ledger, units, Date.now());
    });
  }

  read(keys: readonly string[], call: Call): Awaitable<readonly (Row | undefined)[]> {
    const [key] = keys;
    return key !== undefined && keys.length === 1
      ? this.#store.connection.ask(call, () => [this.#get(key)])
      : this.#store.connection.read(call, () => this.#getMany(keys));
  }

  readRevision(key: string, revision: number, call: Call): Awaitable<Row | undefined> {
    return this.#store.connection.read(call, () => {
      const { config } = this.#state.read();
      const seen = viewParameters(config, Date.now());
      const columns = this.#statements.revision(isExpiring(config)).get(revision, ...seen);
      const row = columns && readerRow(columns, config);
      return row?.key === key ? row : undefined;
    });
  }

  readLog(query: LogQuery, call: Call): Awaitable<LogPage> {
    return this.#store.connection.read(call, () => {
      const now = Date.now();
      const state = this.#state.read();
      return readLogPage(this.#statements, state, query, this.#headOf(state, now), now);
    });
  }

  readKeys(query: KeyQuery, call: Call): Awaitable<KeyPage> {
    return this.#store.connection.read(call, () =>
      readKeyPage(this.#statements, this.#state.read(), query, Date.now()),
    );
  }

  head(call: Call): Awaitable<Head> {
    return this.#store.connection.read(call, () => this.#headOf(this.#state.read(), Date.now()));
  }

  describe(call: Call): Awaitable<BucketDescription> {
    return this.#store.connection.read(call, () => {
      const now = Date.now();
      const state = this.#state.read();
      const { config } = state;
      const totals = this.#statements.totals(isExpiring(config)).get(...viewParameters(config, now));
      const [values, bytes] = totals as readonly [number, number];
      return { ...this.#headOf(state, now), config, values, bytes };
    });
  }

  async configure(from: NormalizedConfig, to: NormalizedConfig, call: Call): Promise<boolean> {
    // What is due by now is carried out in steps of its own, so that the change has only the rest to do.
    for (const now = Date.now(); await this.settle(call, now); ) {
      if (call.signal.aborted) throw new KeyValueError("TIMEOUT", "due entries took all the time to be removed");
    }
    return await this.#store.write(call, () => {
      const state = this.#state.read();
      const { config } = state;
      if (!sameConfig(config, from)) return false;
      // What has expired must not come back with a longer ttl (rule T1).
      const ledger = new SqliteLedger(this.#statements, state);
      const now = Date.now();
      while (settleDue(ledger, now));
      ledger.finish();
      this.#statements.setConfig().run(JSON.stringify(to), to.ttl ?? null, isExpiring(to) ? 1 : 0);
      // At once: nobody may see more than the new history, nor may a raised one bring it back (rule B6).
      if (to.history < config.history) this.#statements.trimAll().run(to.history);
      const { driver } = this.#store.connection;
      if (config.maxBytes === undefined && to.maxBytes !== undefined) countBytes(driver, this.#store.prefix, this.#id);
      if (config.maxBytes !== undefined && to.maxBytes === undefined) stopCountingBytes(driver, this.#statements.table);
      return true;
    });
  }

  purgeMarkers({ olderThan, after, limit }: PurgeQuery, call: Call): Awaitable<PurgePage> {
    return this.#change(call, (ledger) => {
      const keys = this.#statements
        .markedKeys()
        .all(after, limit)
        .map(([key]) => key as string);
      ledger.prepare(new Set(keys));
      const now = Date.now();
      const removed = keys.reduce((sum, key) => sum + purgeMarker(ledger, key, olderThan, now), 0);
      return { removed, end: keys.at(-1) ?? after, done: keys.length < limit };
    });
  }

  look(): void {
    this.#store.monitor.look();
  }

  subscribe(wake: () => void, call: Call): Awaitable<() => void> {
    return this.#store.connection.ask(call, () => {
      this.#state.read();
      return this.#store.monitor.subscribe(wake);
    });
  }

  /** Carries out some of what was due at a time; false when nothing was. */
  settle(call: Call, now: number = Date.now()): Awaitable<boolean> {
    return this.#change(call, (ledger) => settleDue(ledger, now));
  }

  /** When the first of the rows is due, in milliseconds; infinity when none is. */
  firstDue(): number {
    const { ttl } = this.#state.read().config;
    const [expires, oldest] = this.#statements.firstDue().get() as readonly [number | null, number | null];
    const aged = ttl === undefined || oldest === null ? Number.POSITIVE_INFINITY : oldest + ttl;
    return Math.min(expires ?? Number.POSITIVE_INFINITY, aged);
  }

  #change<T>(call: Call, step: (ledger: SqliteLedger) => T): Awaitable<T> {
    return this.#store.write(call, () => {
      const ledger = new SqliteLedger(this.#statements, this.#state.read());
      const result = step(ledger);
      ledger.finish();
      return result;
    });
  }

  #get(key: string): Row | undefined {
    const columns = this.#statements.get().get(key);
    if (columns === undefined) return undefined;
    const [revision, created, expires, value, ttl] = columns as [
      number,
      number,
      number | null,
      Uint8Array | null,
      number | null,
    ];
    if (value === null) return undefined;
    const own = expires ?? undefined;
    const row: Row = {
      key,
      revision,
      operation: "PUT",
      value,
      length: value.length,
      created,
      expiresAt: own,
      expired: false,
    };
    if (own === undefined && ttl === null) return row;
    const expiresAt = expiryOf(row, ttl ?? undefined);
    return expiresAt !== undefined && expiresAt <= Date.now() ? undefined : { ...row, expiresAt };
  }

  #getMany(keys: readonly string[]): readonly (Row | undefined)[] {
    const { config } = this.#state.read();
    if (keys.length === 0) return [];
    const ids = this.#statements.newestIds().all(listOfKeys(keys));
    const found = new Map<string, Row>();
    const now = Date.now();
    for (const columns of this.#statements.rows(true).all(listOf(ids.map(([id]) => id as number)))) {
      const row = readerRow(columns, config);
      if (row.operation === "PUT" && (row.expiresAt === undefined || row.expiresAt > now)) found.set(row.key, row);
    }
    return keys.map((key) => found.get(key));
  }

  /** The head as readers see it: markers that are due count as removed (rule W13). */
  #headOf({ config, revision, compactedTo }: BucketState, now: number): Head {
    if (!isExpiring(config)) return { revision, compactedTo };
    const { ttl, limitMarkerTtl } = config;
    const lapsed = limitMarkerTtl === undefined ? 0 : this.#lapsed.highest(now);
    const aged = ttl === undefined ? 0 : (this.#statements.agedMarker().get(agedBefore(config, now))?.[0] ?? 0);
    return { revision, compactedTo: Math.max(compactedTo, lapsed, aged as number) };
  }
}
