import type { KeyFilter } from "@revkv/api";
import type { LogPage, LogQuery } from "@revkv/api/adapter";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { MemoryRow } from "./memory-row.ts";
import { maxLooks, Page } from "./page.ts";

/** How many rows of the log are read in the time in which one row is found by its key and sorted. */
const costOfKey = 8;

/** How the pages of one query are read, decided with the first. */
interface Plan {
  /** Holds for pages that begin at this revision or behind it. */
  readonly from: number;
  /** Holds up to this revision. */
  readonly upTo: number;
  /** The revisions of all rows that match, sorted; undefined: go through the log. */
  readonly matches: Float64Array | undefined;
}

/** Reads a page of the log: along the log, or by way of the keys where few keys can match (rule L3). */
export function readLogPage(ledger: MemoryLedger, query: LogQuery): LogPage {
  const head = { revision: ledger.revision, compactedTo: ledger.compactedTo };
  const after = query.after.revision;
  const upTo = Math.min(query.upTo ?? head.revision, head.revision);
  if (after >= upTo) return { rows: [], end: query.after, done: true, head };
  const given = query.resume as Plan | undefined;
  const plan =
    given !== undefined && given.from <= after && after < given.upTo ? given : makePlan(ledger, query, after, upTo);
  const page = new Page(query, ledger.config.ttl);
  const end =
    plan.matches === undefined
      ? readAlong(ledger, query, page, after, upTo)
      : readMatches(ledger, query, page, after, plan.matches, Math.min(upTo, plan.upTo));
  const done = end === upTo;
  return { rows: page.rows, end: { revision: end }, done, head, ...(done ? {} : { resume: plan }) };
}

function makePlan(ledger: MemoryLedger, { filter, newestOnly }: LogQuery, after: number, upTo: number): Plan {
  const slots = ledger.log.slotAfter(upTo) - ledger.log.slotAfter(after);
  const matches = filter.all ? undefined : findMatches(ledger, filter, newestOnly, after, upTo, slots / costOfKey);
  return { from: after, upTo: matches === undefined ? Number.POSITIVE_INFINITY : upTo, matches };
}

/** The revisions of all rows that match, sorted; undefined when more than `budget` rows would have to be looked at. */
function findMatches(
  ledger: MemoryLedger,
  filter: KeyFilter,
  newestOnly: boolean,
  after: number,
  upTo: number,
  budget: number,
): Float64Array | undefined {
  const found: number[] = [];
  let looks = 0;
  for (const key of candidates(ledger, filter)) {
    const newest = ledger.newest(key);
    const rows = newest === undefined ? [] : newestOnly ? [newest] : ledger.kept(key);
    looks += Math.max(1, rows.length);
    if (looks > budget + 1) return undefined;
    if (!filter.matches(key)) continue;
    for (const { revision } of rows) if (revision > after && revision <= upTo) found.push(revision);
  }
  return Float64Array.from(found).sort();
}

function* candidates(ledger: MemoryLedger, filter: KeyFilter): Generator<string, void> {
  if (filter.keys !== null) {
    yield* filter.keys;
    return;
  }
  for (const range of filter.ranges) {
    yield* ledger.live.within(range);
    yield* ledger.marked.within(range);
  }
}

/** Fills a page along the log; returns the revision at which it ends. */
function readAlong(ledger: MemoryLedger, query: LogQuery, page: Page, after: number, upTo: number): number {
  const { log } = ledger;
  const stop = log.slotAfter(upTo);
  const start = log.slotAfter(after);
  for (let slot = start; slot < stop; slot += 1) {
    if (page.full || slot - start >= maxLooks) return log.revisionAt(slot - 1);
    const row = log.rowAt(slot);
    if (row !== undefined && query.filter.matches(row.key) && isAsked(ledger, query, row)) page.add(row);
  }
  return upTo;
}

/** Fills a page from revisions that are known to match; returns the revision at which it ends. */
function readMatches(
  ledger: MemoryLedger,
  query: LogQuery,
  page: Page,
  after: number,
  matches: Float64Array,
  upTo: number,
): number {
  let end = after;
  for (let index = firstAbove(matches, after); index < matches.length; index += 1) {
    const revision = matches[index] as number;
    if (page.full) return end;
    const row = ledger.log.get(revision);
    if (row !== undefined && isAsked(ledger, query, row)) page.add(row);
    end = revision;
  }
  return upTo;
}

function isAsked(ledger: MemoryLedger, query: LogQuery, row: MemoryRow): boolean {
  return !query.newestOnly || ledger.flat || ledger.newest(row.key)?.revision === row.revision;
}

/** The index of the first number above `value` in a sorted list. */
function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
