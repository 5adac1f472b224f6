import type { Head, LogPage, LogQuery } from "@revkv/api/adapter";
import type { BucketState } from "./bucket-state.ts";
import { isExpiring, viewParameters } from "./bucket-state.ts";
import type { BucketStatements, View } from "./bucket-statements.ts";
import { bounds, cutToSize, lastKey } from "./page.ts";
import { listOf, readerRow } from "./rows.ts";

/**
 * The most rows of a filter's ranges that are found by key and sorted by revision; beyond, the log itself is read. At
 * the same time how far the log is read in search of a page, so that no read takes long.
 */
const mostSorted = 10_000;

/** What a filter's rows are, found by key once and used for all pages of a query. */
interface Sorted {
  readonly revisions: readonly number[];
  /** No row of the filter up to here is left out. */
  readonly upTo: number;
}

/** What a page of the log consists of, before its rows are read. */
interface Pick {
  /** Revisions and sizes, by revision. */
  readonly found: readonly (readonly [revision: number, size: number])[];
  /** How far was looked when fewer than the limit were found. */
  readonly upTo: number;
  readonly sorted?: Sorted | "too many" | undefined;
}

/** Reads a page of the log within a transaction: first which rows it has and how large they are, then the rows. */
export function readLogPage(
  statements: BucketStatements,
  state: BucketState,
  query: LogQuery,
  head: Head,
  now: number,
): LogPage {
  const { limit, values, after, upTo } = query;
  const target = Math.min(upTo ?? head.revision, head.revision);
  if (after.revision >= target) return { rows: [], end: { revision: target }, done: true, head };
  const { found, upTo: looked, sorted } = pick(statements, state, query, target, now);
  const page = cutToSize(found, values ? query.maxBytes : Number.POSITIVE_INFINITY);
  const rows =
    page.length === 0
      ? []
      : statements
          .rows(values)
          .all(listOf(page.map(([revision]) => revision)))
          .map((columns) => readerRow(columns, state.config));
  const whole = page.length === found.length && found.length < limit;
  const end = whole ? looked : (page.at(-1)?.[0] ?? looked);
  return { rows, end: { revision: end }, done: end >= target, head, ...(sorted && { resume: sorted }) };
}

/** Chooses the cheaper way: through the keys of the filter, or through the log. */
function pick(statements: BucketStatements, state: BucketState, query: LogQuery, target: number, now: number): Pick {
  const { filter, limit } = query;
  const after = query.after.revision;
  const view: View = { expiring: isExpiring(state.config), newestOnly: query.newestOnly };
  const seen = viewParameters(state.config, now);
  if (filter.all) return { found: pairs(statements.scan(view).all(after, target, ...seen, limit)), upTo: target };
  let sorted: Sorted | "too many" | undefined;
  if (target - after > mostSorted) {
    const known = query.resume as Sorted | "too many" | undefined;
    const isKnown = known === "too many" || (known !== undefined && known.upTo > after);
    sorted = isKnown ? known : (sortByRevision(statements, query, target) ?? "too many");
    if (sorted !== "too many") {
      const revisions = sorted.revisions.slice(firstBehind(sorted.revisions, after)).slice(0, limit);
      const found = pairs(statements.sizes(view).all(listOf(revisions), ...seen));
      // Rows that are gone by now count as looked at: the page may be short without being the last.
      const upTo = revisions.length < limit ? Math.min(sorted.upTo, target) : (revisions.at(-1) ?? target);
      return { found, upTo, sorted };
    }
  }
  const start = (statements.nextRevision().get(after)?.[0] as number | undefined) ?? target;
  const upTo = Math.min(target, start + mostSorted);
  const { from, to } = bounds(filter);
  return { found: pairs(statements.scanRange(view).all(after, upTo, from, to, ...seen, limit)), upTo, sorted };
}

/** All rows of a filter by revision; undefined when there are too many. */
function sortByRevision(statements: BucketStatements, { filter }: LogQuery, upTo: number): Sorted | undefined {
  const revisions: number[] = [];
  let room = mostSorted;
  for (const { from, to } of filter.ranges) {
    const rows = statements.inRange().all(from, to ?? lastKey, room + 1);
    room -= rows.length;
    if (room < 0) return undefined;
    for (const [revision, key] of rows) {
      if (filter.exact || filter.matches(key as string)) revisions.push(revision as number);
    }
  }
  return { revisions: revisions.sort((a, b) => a - b), upTo };
}

/** The index of the first revision behind one. */
function firstBehind(revisions: readonly number[], after: number): number {
  let low = 0;
  let high = revisions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((revisions[middle] as number) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

function pairs(rows: readonly (readonly unknown[])[]): readonly (readonly [number, number])[] {
  return rows as readonly (readonly [number, number])[];
}
