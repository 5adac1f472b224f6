import { randomUUID } from "node:crypto";
import type { NormalizedConfig } from "@revkv/api";
import { KeyValueError, sameConfig } from "@revkv/api";
import type {
  BucketDescription,
  BucketStorage,
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
import { applyUnits, purgeMarker, settleDue } from "@revkv/api/adapter";
import { readKeyPage } from "./key-page.ts";
import { readLogPage } from "./log-page.ts";
import { duePage, MemoryLedger } from "./memory-ledger.ts";

/**
 * One bucket. Every operation first carries out what is due, so that what is held is always exactly what is kept; when
 * nothing is due that costs one comparison.
 */
export class MemoryBucket implements BucketStorage {
  readonly name: string;
  readonly incarnation: string = randomUUID();
  readonly #now: () => number;
  readonly #subscribers: Set<{ readonly wake: () => void }> = new Set();
  /** Undefined once the bucket was deleted. */
  #ledger: MemoryLedger | undefined;
  #waking = false;

  constructor(config: NormalizedConfig, now: () => number) {
    this.name = config.bucket;
    this.#now = now;
    this.#ledger = new MemoryLedger(config);
  }

  get config(): NormalizedConfig {
    return this.#open().config;
  }

  /** When the next entry is due to expire, in milliseconds; infinite when none ever is. */
  get nextDue(): number {
    return this.#open().nextDue;
  }

  /** Carries out about `limit` due expiries (rule T2). */
  sweep(limit: number): void {
    this.#settle(this.#open(), this.#now(), limit);
  }

  /** Drops all that is held; every later call fails (rule B11). */
  delete(): void {
    this.#ledger = undefined;
    this.#wake();
  }

  commit(units: readonly Unit[]): readonly Outcome[] {
    const ledger = this.#open();
    const now = this.#now();
    this.#settle(ledger, now);
    const { revision } = ledger;
    const outcomes = applyUnits(ledger, units, now);
    if (ledger.revision !== revision) this.#wake();
    return outcomes;
  }

  read(keys: readonly string[]): (Row | undefined)[] {
    const ledger = this.#settled();
    return keys.map((key) => {
      const row = ledger.newest(key);
      return row?.operation === "PUT" ? row.handedOut(ledger.config.ttl) : undefined;
    });
  }

  readRevision(key: string, revision: number): Row | undefined {
    const ledger = this.#settled();
    const row = ledger.kept(key).find((kept) => kept.revision === revision);
    return row?.handedOut(ledger.config.ttl);
  }

  readLog(query: LogQuery): LogPage {
    return readLogPage(this.#settled(), query);
  }

  readKeys(query: KeyQuery): KeyPage {
    return readKeyPage(this.#settled(), query);
  }

  head(): Head {
    const { revision, compactedTo } = this.#settled();
    return { revision, compactedTo };
  }

  describe(): BucketDescription {
    const ledger = this.#settled();
    const { config, revision, compactedTo } = ledger;
    return { config, revision, compactedTo, values: ledger.log.size, bytes: ledger.bytes() };
  }

  configure(from: NormalizedConfig, to: NormalizedConfig): boolean {
    const ledger = this.#settled();
    if (!sameConfig(ledger.config, from)) return false;
    ledger.configure(to);
    this.#wake();
    return true;
  }

  purgeMarkers({ after, limit, olderThan }: PurgeQuery): PurgePage {
    const ledger = this.#settled();
    const keys: string[] = [];
    for (const key of ledger.marked.within({ from: "", to: null }, after)) {
      if (keys.push(key) === limit) break;
    }
    const now = this.#now();
    let removed = 0;
    for (const key of keys) removed += purgeMarker(ledger, key, olderThan, now);
    if (removed > 0) this.#wake();
    return { removed, end: keys.at(-1) ?? after, done: keys.length < limit };
  }

  subscribe(wake: () => void): () => void {
    this.#open();
    const subscriber = { wake };
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  }

  #open(): MemoryLedger {
    if (this.#ledger === undefined) {
      throw new KeyValueError("BUCKET_NOT_FOUND", `bucket "${this.name}" was deleted`);
    }
    return this.#ledger;
  }

  /** What is kept at this moment. */
  #settled(): MemoryLedger {
    const ledger = this.#open();
    if (ledger.nextDue !== Number.POSITIVE_INFINITY) this.#settle(ledger, this.#now());
    return ledger;
  }

  #settle(ledger: MemoryLedger, now: number, limit: number = Number.POSITIVE_INFINITY): void {
    if (ledger.nextDue > now) return;
    for (let left = limit; left > 0 && ledger.nextDue <= now; left -= duePage) settleDue(ledger, now);
    this.#wake();
  }

  /** Wakes the subscribers in a microtask of its own: never in the middle of a write, and once for many. */
  #wake(): void {
    if (this.#waking || this.#subscribers.size === 0) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      for (const { wake } of this.#subscribers) wake();
    });
  }
}
