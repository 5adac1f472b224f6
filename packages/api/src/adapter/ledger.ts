import type { NormalizedConfig } from "../config.ts";
import type { EntryOperation } from "../entry.ts";
import type { Value } from "./bytes.ts";
import { lengthOf } from "./bytes.ts";
import type { Row } from "./row.ts";
import type { Outcome, Refusal, Unit, Write } from "./write.ts";

/**
 * One bucket while it is held exclusively: what {@link applyUnits} needs of an engine to carry out the rules of writing.
 * All of it is synchronous. An engine whose commit can fail undoes everything since the step began.
 */
export interface Ledger {
  readonly config: NormalizedConfig;
  /** The newest revision given; raised by the rules. */
  revision: number;
  /** The highest `created` given, in milliseconds; raised by the rules (rule O8). */
  created: number;
  /** See {@link Head.compactedTo}; raised by the rules. */
  compactedTo: number;
  /**
   * The newest row of a key that was not removed, due or not; undefined when there is none. `expiresAt` is its own
   * deadline only. The value may be left out. Asked for several times in a step.
   */
  newest(key: string): Row | undefined;
  /** All rows of a key that were not removed, oldest first, like {@link newest}. The list may change with the ledger. */
  kept(key: string): readonly Row[];
  /** Adds a row, the newest of its key and of the bucket, and removes all but the newest `keep` rows of the key. */
  append(row: Row, keep: number): void;
  /** Removes a row. */
  remove(row: Row): void;
  /** Some rows whose own deadline or bucket ttl has passed, in any order; empty when there are none. */
  due(now: number): readonly Row[];
  /** What the keys and values of all rows add up to, in bytes; only asked for in buckets with `maxBytes`. */
  bytes(): number;
}

const noBytes: Uint8Array = new Uint8Array(0);

/** When a row expires: the earlier of its own deadline and the bucket's; undefined when it does not (rule T1). */
export function expiryOf(row: Row, ttl: number | undefined): number | undefined {
  if (ttl === undefined) return row.expiresAt;
  const aged = row.created + ttl;
  return row.expiresAt === undefined || row.expiresAt > aged ? aged : row.expiresAt;
}

/** Tells whether a row is due to expire (rule T1). */
export function isDue(row: Row, ttl: number | undefined, now: number): boolean {
  const expiresAt = expiryOf(row, ttl);
  return expiresAt !== undefined && expiresAt <= now;
}

/** What a row counts for in `bytes`: its key and its value (rule B10). Keys are ASCII. */
export function sizeOf(row: Row): number {
  return row.key.length + row.length;
}

/** Carries out units in order at one moment of the storage's clock; see {@link BucketStorage.commit}. */
export function applyUnits(ledger: Ledger, units: readonly Unit[], now: number): Outcome[] {
  return units.map((unit) => applyUnit(ledger, unit, now));
}

/** Carries out one unit, all or nothing; due expiries of its keys come first and stay (rule T9). */
export function applyUnit(ledger: Ledger, unit: Unit, now: number): Outcome {
  const { config } = ledger;
  const [write] = unit;
  if (write === undefined || unit.length > 1 || config.maxBytes !== undefined) return applyTogether(ledger, unit, now);
  // Nothing has to be foreseen of a single write: its condition is all that can refuse it.
  const newest = dependsOnRows(config, unit) ? settleKey(ledger, write.key, now) : undefined;
  return refuse(config, write, 0, newest) ?? [carryOut(ledger, write, now)];
}

/**
 * Tells whether what becomes of a unit depends on the rows that its keys have. If not, {@link Ledger.newest} and
 * {@link Ledger.kept} are not asked for them.
 */
export function dependsOnRows({ ttl, limitMarkerTtl, maxBytes }: NormalizedConfig, unit: Unit): boolean {
  if (unit.length > 1 || maxBytes !== undefined) return true;
  // Only a bucket with one of these has entries that expire (rules T1, T3).
  return ttl !== undefined || limitMarkerTtl !== undefined || unit[0]?.expect !== undefined;
}

function applyTogether(ledger: Ledger, unit: Unit, now: number): Outcome {
  for (const write of unit) settleKey(ledger, write.key, now);
  return foresee(ledger, unit, now) ?? unit.map((write) => carryOut(ledger, write, now));
}

/** Carries out expiries that are due, newest values' markers included; true when there may be more (rules T2, T4). */
export function settleDue(ledger: Ledger, now: number): boolean {
  const due = ledger.due(now);
  for (const row of due) {
    const newest = ledger.newest(row.key);
    if (newest === undefined) continue;
    if (isDue(newest, ledger.config.ttl, now)) settleKey(ledger, row.key, now);
    else if (ledger.kept(row.key).some((kept) => kept.revision === row.revision)) removeForGood(ledger, row);
  }
  return due.length > 0;
}

/** Purges one key if its newest row is a marker, as {@link BucketStorage.purgeMarkers}; returns the rows removed. */
export function purgeMarker(ledger: Ledger, key: string, olderThan: number, now: number): number {
  const newest = settleKey(ledger, key, now);
  if (newest === undefined || newest.operation === "PUT") return 0;
  const doomed =
    newest.created <= Math.max(now, ledger.created) - olderThan ? [...ledger.kept(key)] : ledger.kept(key).slice(0, -1);
  for (const row of doomed) removeForGood(ledger, row);
  return doomed.length;
}

/** Carries out the expiry of a key's newest row, if it is due. Returns what is the key's newest row then. */
function settleKey(ledger: Ledger, key: string, now: number): Row | undefined {
  const newest = ledger.newest(key);
  return newest !== undefined && isDue(newest, ledger.config.ttl, now) ? expire(ledger, newest, now) : newest;
}

/** Carries out the expiry of a key's newest row: with it goes all that the key has (rule T4). */
function expire(ledger: Ledger, newest: Row, now: number): Row | undefined {
  const { key } = newest;
  const { ttl, limitMarkerTtl } = ledger.config;
  for (const row of [...ledger.kept(key)]) {
    // An older marker that is due as well counts, whether or not anybody looked when it fell due (rule W13).
    if (isDue(row, ttl, now)) removeForGood(ledger, row);
    else ledger.remove(row);
  }
  if (newest.operation === "PUT" && limitMarkerTtl !== undefined) {
    append(ledger, key, "PURGE", noBytes, limitMarkerTtl, true, now);
  }
  return ledger.newest(key);
}

/** Removes a row other than by history or purge; when it is a marker, watchers can no longer learn of it (rule W13). */
function removeForGood(ledger: Ledger, row: Row): void {
  if (row.operation !== "PUT") ledger.compactedTo = Math.max(ledger.compactedTo, row.revision);
  ledger.remove(row);
}

/** Carries out an operation that nothing refuses; returns the revision written, or for a check the one found. */
function carryOut(ledger: Ledger, write: Write, now: number): number {
  if (write.op === "check") return ledger.newest(write.key)?.revision ?? 0;
  const operation = write.op === "put" ? "PUT" : write.op === "delete" ? "DEL" : "PURGE";
  return append(ledger, write.key, operation, write.value, write.ttl, false, now);
}

function append(
  ledger: Ledger,
  key: string,
  operation: EntryOperation,
  value: Value,
  ttl: number | undefined,
  expired: boolean,
  now: number,
): number {
  const revision = ledger.revision + 1;
  const created = Math.max(now, ledger.created);
  ledger.revision = revision;
  ledger.created = created;
  const expiresAt = ttl === undefined ? undefined : created + ttl;
  const row = { key, revision, operation, value, length: lengthOf(value), created, expiresAt, expired };
  ledger.append(row, operation === "PURGE" ? 1 : ledger.config.history);
  return revision;
}

/** What a condition is judged by. */
interface Newest {
  readonly revision: number;
  readonly operation: EntryOperation;
}

/** Says why one operation is refused, by the newest row of its key (rules O3, O4, B9, T3). */
function refuse(
  config: NormalizedConfig,
  write: Write,
  operation: number,
  newest: Newest | undefined,
): Refusal | undefined {
  const { op, expect, ttl, value } = write;
  const actual = newest?.revision ?? 0;
  if (expect !== undefined && (expect === null ? newest?.operation === "PUT" : expect !== actual)) {
    return { refused: "condition", operation, actual };
  }
  if (op === "check") return undefined;
  if (ttl !== undefined && config.limitMarkerTtl === undefined) return { refused: "ttl-not-enabled", operation };
  if (config.maxValueSize !== undefined && lengthOf(value) > config.maxValueSize) {
    return { refused: "value-too-large", operation, limit: config.maxValueSize };
  }
  return undefined;
}

/** One key as a unit will leave it: its newest row, and the sizes of its rows, oldest first. */
interface Foreseen {
  newest: Newest | undefined;
  readonly sizes: number[];
}

/** Goes through a unit without carrying it out, and says why it is refused (rules O10, B10). */
function foresee(ledger: Ledger, unit: Unit, now: number): Refusal | undefined {
  const { maxBytes, history } = ledger.config;
  const keys = new Map<string, Foreseen>();
  let revision = ledger.revision;
  let grown = 0;
  for (const [operation, write] of unit.entries()) {
    const rows = ledger.kept(write.key);
    const key = keys.get(write.key) ?? { newest: rows.at(-1), sizes: rows.map(sizeOf) };
    keys.set(write.key, key);
    const refusal = refuse(ledger.config, write, operation, key.newest);
    if (refusal !== undefined) return refusal;
    if (write.op === "check") continue;
    revision += 1;
    key.newest = { revision, operation: write.op === "put" ? "PUT" : "DEL" };
    const size = write.key.length + lengthOf(write.value);
    grown += size;
    key.sizes.push(size);
    const keep = write.op === "purge" ? 1 : history;
    while (key.sizes.length > keep) grown -= key.sizes.shift() ?? 0;
  }
  if (maxBytes === undefined || grown <= 0 || ledger.bytes() + grown <= maxBytes) return undefined;
  if (!unit.some((write) => write.op === "put")) return undefined;
  // Room that due expiries give back counts: carry them out, then judge again by what is left.
  return settleDue(ledger, now) ? foresee(ledger, unit, now) : { refused: "bucket-full", limit: maxBytes };
}
