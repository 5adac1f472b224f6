import type { NormalizedConfig } from "@revkv/api";
import type { Ledger, Row } from "@revkv/api/adapter";
import { bytesOf } from "@revkv/api/adapter";
import type { BucketState } from "./bucket-state.ts";
import { agedBefore } from "./bucket-state.ts";
import type { BucketStatements } from "./bucket-statements.ts";
import { latest, listOf, listOfKeys, operationCode, operationCodes, rowOf } from "./rows.ts";

/** How many due rows one look gives. */
const duePage = 200;

/**
 * The rows of a bucket within one write transaction. The newest row of each key is read once, for all keys of a batch
 * together, and what is written is collected: a batch costs one statement per row and a few more.
 */
export class SqliteLedger implements Ledger {
  readonly config: NormalizedConfig;
  revision: number;
  created: number;
  compactedTo: number;
  readonly #statements: BucketStatements;
  readonly #compactedBefore: number;
  readonly #newest: Map<string, Row | undefined> = new Map();
  /** Rows that are not in the table yet, by revision, oldest first. */
  readonly #added: Map<number, Row> = new Map();
  /** Revisions that are still in the table. */
  #removed: number[] = [];
  /** Keys that are to lose all the rows that they have in the table. */
  readonly #emptied: Set<string> = new Set();
  /** Keys that may have more rows than they should. */
  readonly #full: Set<string> = new Set();
  /** True when the newest revision may not be found in the table any more. */
  #lowered = false;

  constructor(statements: BucketStatements, state: BucketState) {
    this.#statements = statements;
    this.config = state.config;
    this.revision = state.revision;
    this.created = state.created;
    this.compactedTo = state.compactedTo;
    this.#compactedBefore = state.compactedTo;
  }

  /** Reads the newest rows of some keys together. */
  prepare(keys: ReadonlySet<string>): void {
    if (keys.size < 2) return;
    for (const key of keys) this.#newest.set(key, undefined);
    const ids = this.#statements.newestIds().all(listOfKeys(keys));
    for (const columns of this.#statements.rows(false).all(listOf(ids.map(([id]) => id as number)))) {
      const row = rowOf(columns);
      this.#newest.set(row.key, row);
    }
  }

  newest(key: string): Row | undefined {
    if (this.#newest.has(key)) return this.#newest.get(key);
    this.#flush();
    const columns = this.#statements.newest().get(key);
    const row = columns && rowOf(columns);
    this.#newest.set(key, row);
    return row;
  }

  kept(key: string): readonly Row[] {
    this.#flush();
    return this.#statements.kept().all(key).map(rowOf);
  }

  append(row: Row, keep: number): void {
    const { key } = row;
    if (keep > 1) this.#full.add(key);
    else this.#empty(key);
    this.#added.set(row.revision, row);
    this.#newest.set(key, row);
  }

  remove(row: Row): void {
    this.#drop(row);
    this.#newest.delete(row.key);
    this.#lowered = true;
  }

  due(now: number): readonly Row[] {
    this.#flush();
    const due = this.#statements.expired().all(now, duePage).map(rowOf);
    if (this.config.ttl !== undefined) {
      const aged = agedBefore(this.config, now);
      due.push(
        ...this.#statements
          .oldest()
          .all(duePage)
          .map(rowOf)
          .filter(({ created }) => created <= aged),
      );
    }
    this.prepare(new Set(due.map(({ key }) => key)));
    return due;
  }

  bytes(): number {
    this.#flush();
    return this.#statements.state().get()?.[4] as number;
  }

  /** Writes what is left to be written. */
  finish(): void {
    this.#flush();
    if (!this.#lowered && this.compactedTo === this.#compactedBefore) return;
    this.#statements.setState().run(this.revision, this.created, this.compactedTo);
  }

  /** Takes a row out of the table, or out of what is on the way there. */
  #drop(row: Row): void {
    if (!this.#added.delete(row.revision)) this.#removed.push(row.revision);
  }

  /** Takes all rows of a key out of the table, and out of what is on the way there. */
  #empty(key: string): void {
    // With a history of one, only the newest row of a key can be on the way.
    if (this.config.history > 1) this.#flush();
    const newest = this.#newest.get(key);
    if (newest !== undefined ? !this.#added.delete(newest.revision) : !this.#newest.has(key)) this.#emptied.add(key);
  }

  /** Brings the table up to date. */
  #flush(): void {
    const [removed] = this.#removed;
    if (removed !== undefined) {
      if (this.#removed.length === 1) this.#statements.remove().run(removed);
      else this.#statements.removeAll().run(listOf(this.#removed));
      this.#removed = [];
    }
    // With a history of one a key has one row, which is overwritten where it is.
    const overwriting = this.config.history === 1;
    if (!overwriting) for (const key of this.#emptied) this.#statements.removeKey().run(key);
    if (this.#added.size > 0) {
      const insert = this.#statements.insert();
      const overwriteValue = this.#statements.overwriteValue();
      const overwrite = this.#statements.overwrite();
      let isNew = false;
      for (const row of this.#added.values()) {
        const { revision, key, created } = row;
        const op = operationCode(row);
        const expires = row.expiresAt === undefined ? null : Math.min(row.expiresAt, latest);
        const value = bytesOf(row.value);
        if (overwriting && this.#emptied.has(key)) {
          const isPlain = op === operationCodes.PUT && expires === null;
          // Behind a key that is new there are often more.
          if (isPlain && !isNew && Number(overwriteValue.run(revision, created, value, key).changes) > 0) continue;
          isNew = Number(overwrite.run(revision, op, created, expires, value, key).changes) === 0;
          if (!isNew) continue;
        }
        insert.run(revision, key, op, created, expires, value);
      }
      this.#added.clear();
    }
    this.#emptied.clear();
    if (this.#full.size > 0) {
      const trim = this.#statements.trim();
      for (const key of this.#full) trim.run(key, key, this.config.history);
      this.#full.clear();
    }
  }
}
