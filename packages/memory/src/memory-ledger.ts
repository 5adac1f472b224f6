import type { NormalizedConfig } from "@revkv/api";
import type { Ledger, Row } from "@revkv/api/adapter";
import { sizeOf } from "@revkv/api/adapter";
import { Deadlines } from "./deadlines.ts";
import { Log } from "./log.ts";
import { MemoryRow } from "./memory-row.ts";
import { SortedKeys } from "./sorted-keys.ts";

/** How many due rows are handed out at a time. */
export const duePage = 256;

/** What one bucket holds: its rows by key, and in every order in which they are asked for. */
export class MemoryLedger implements Ledger {
  config: NormalizedConfig;
  revision = 0;
  created = 0;
  compactedTo = 0;
  /** All rows by revision. */
  readonly log: Log<MemoryRow> = new Log();
  /** The keys whose newest row is a value. */
  readonly live: SortedKeys = new SortedKeys();
  /** The keys whose newest row is a marker. */
  readonly marked: SortedKeys = new SortedKeys();
  /** The rows of each key, oldest first; most keys of most buckets have one, which needs no list. */
  readonly #rows: Map<string, MemoryRow | MemoryRow[]> = new Map();
  readonly #deadlines: Deadlines = new Deadlines();
  #bytes = 0;

  constructor(config: NormalizedConfig) {
    this.config = config;
  }

  /** When the next row is due, in milliseconds; infinite when none ever is. */
  get nextDue(): number {
    const { ttl } = this.config;
    const oldest = ttl === undefined ? undefined : this.log.oldest;
    // No row was created before the oldest, so none is due by the bucket's ttl before it.
    const aged = ttl === undefined || oldest === undefined ? Number.POSITIVE_INFINITY : oldest.created + ttl;
    return Math.min(aged, this.#deadlines.earliest);
  }

  /** True when no key has more than one row. */
  get flat(): boolean {
    return this.#rows.size === this.log.size;
  }

  newest(key: string): MemoryRow | undefined {
    return last(this.#rows.get(key));
  }

  kept(key: string): readonly MemoryRow[] {
    const rows = this.#rows.get(key);
    return rows === undefined ? [] : Array.isArray(rows) ? rows : [rows];
  }

  append(given: Row, keep: number): void {
    const row = new MemoryRow(given);
    const before = this.#rows.get(row.key);
    this.log.append(row);
    this.#deadlines.add(row);
    this.#bytes += sizeOf(row);
    // What most writes are, a value in place of the only one, is kept short: the engine then compiles it into one piece.
    if (keep === 1 && before instanceof MemoryRow && before.operation === row.operation) {
      this.#rows.set(row.key, row);
      this.#forget(before);
    } else {
      this.#place(row, before, keep);
    }
  }

  remove(row: Row): void {
    const { key, revision } = row;
    const rows = this.kept(key);
    const removed = rows.find((kept) => kept.revision === revision) as MemoryRow;
    const left = rows.filter((kept) => kept !== removed);
    if (left.length === 0) this.#rows.delete(key);
    else this.#rows.set(key, left);
    this.#reindex(key, rows.at(-1), left.at(-1));
    this.#forget(removed);
  }

  due(now: number): readonly Row[] {
    const due: Row[] = [];
    for (const row of this.#deadlines.passed(now)) {
      if (due.push(row) === duePage) return due;
    }
    const { ttl } = this.config;
    if (ttl === undefined) return due;
    for (let slot = this.log.firstSlot; slot < this.log.slots && due.length < duePage; slot += 1) {
      const row = this.log.rowAt(slot);
      if (row === undefined) continue;
      if (row.created + ttl > now) break;
      due.push(row);
    }
    return due;
  }

  bytes(): number {
    return this.#bytes;
  }

  /** Takes on another config, and removes what is beyond its `history` (rule B6). */
  configure(config: NormalizedConfig): void {
    const lowered = config.history < this.config.history;
    this.config = config;
    if (!lowered) return;
    for (const rows of this.#rows.values()) if (Array.isArray(rows)) this.#trim(rows, config.history);
  }

  /** Adds a row to those of its key, of which the newest `keep` stay. */
  #place(row: MemoryRow, before: MemoryRow | MemoryRow[] | undefined, keep: number): void {
    const { key } = row;
    this.#reindex(key, last(before), row);
    if (before === undefined || keep === 1) this.#rows.set(key, row);
    else if (Array.isArray(before)) before.push(row);
    else this.#rows.set(key, [before, row]);
    if (Array.isArray(before)) this.#trim(before, keep === 1 ? 0 : keep);
    else if (before !== undefined && keep === 1) this.#forget(before);
  }

  #trim(rows: MemoryRow[], keep: number): void {
    while (rows.length > keep) this.#forget(rows.shift() as MemoryRow);
  }

  /** Takes a row out of everything but the rows of its key. */
  #forget(row: MemoryRow): void {
    this.log.remove(row);
    this.#deadlines.delete(row);
    this.#bytes -= sizeOf(row);
  }

  #reindex(key: string, before: Row | undefined, after: Row | undefined): void {
    const from = this.#keysLike(before);
    const to = this.#keysLike(after);
    if (from === to) return;
    from?.delete(key);
    to?.add(key);
  }

  #keysLike(newest: Row | undefined): SortedKeys | undefined {
    if (newest === undefined) return undefined;
    return newest.operation === "PUT" ? this.live : this.marked;
  }
}

function last(rows: MemoryRow | MemoryRow[] | undefined): MemoryRow | undefined {
  return Array.isArray(rows) ? rows[rows.length - 1] : rows;
}
