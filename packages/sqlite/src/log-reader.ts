import type { Head, LogPage, LogQuery } from "@revkv/api/adapter";
import type { BucketState } from "./bucket-state.ts";
import { isExpiring, viewParameters } from "./bucket-state.ts";
import type { BucketStatements, View } from "./bucket-statements.ts";
import type { Gathering } from "./gathering.ts";
import { beginGathering, behind, gather } from "./gathering.ts";
import { bounds, cutToSize } from "./page.ts";
import { listOf, readerRow } from "./rows.ts";

/** How many rows of the log one step walks through, so that none takes longer than a few milliseconds. */
const longestWalk = 400;

/** Where a row of the log is, and how large. */
type Found = readonly [revision: number, size: number, id: number];

/** What a page of the log consists of, before its rows are read. */
interface Pick {
  /** By revision. */
  readonly found: readonly Found[];
  /** How far was looked when fewer than the limit were found. */
  readonly upTo: number;
  readonly resume?: Gathering | undefined;
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
  const { found, upTo: looked, resume } = pick(statements, state, query, target, now);
  const page = cutToSize(found, values ? query.maxBytes : Number.POSITIVE_INFINITY);
  const rows =
    page.length === 0
      ? []
      : statements
          .rows(values)
          .all(listOf(page.map(([, , id]) => id)))
          .map((columns) => readerRow(columns, state.config));
  const whole = page.length === found.length && found.length < limit;
  const end = whole ? looked : (page.at(-1)?.[0] ?? looked);
  return { rows, end: { revision: end }, done: end >= target, head, ...(resume && { resume }) };
}

/**
 * Finds the next rows in one of two ways: by walking the log, or by gathering the rows of the filter's keys first. Which
 * is shorter shows only on the way. So a step does a stretch of both until one has arrived.
 */
function pick(statements: BucketStatements, state: BucketState, query: LogQuery, target: number, now: number): Pick {
  const { filter, limit } = query;
  const after = query.after.revision;
  const view: View = { expiring: isExpiring(state.config), newestOnly: query.newestOnly };
  const seen = viewParameters(state.config, now);
  const { from, to } = bounds(filter);
  let gathering: Gathering | undefined;
  if (target - after > longestWalk && from !== "") {
    const known = query.resume as Gathering | undefined;
    const isOf = known !== undefined && known.after <= after && after < known.upTo;
    gathering = gather(statements, filter, isOf ? known : beginGathering(after, target), after);
    if (gathering.next === undefined) {
      const revisions = behind(gathering.revisions, after).slice(0, limit);
      const found = statements.sizes(view).all(listOf(revisions), ...seen) as unknown as readonly Found[];
      // Rows that are gone by now count as looked at: the page may be short without being the last.
      const end = revisions.length < limit ? gathering.upTo : (revisions.at(-1) as number);
      return { found, upTo: Math.min(end, target), resume: gathering };
    }
  }
  const upTo = target - after > longestWalk ? farthest(statements, after, target) : target;
  const found = filter.all
    ? statements.scan(view).all(after, upTo, ...seen, limit)
    : statements.scanRange(view).all(after, upTo, from, to, ...seen, limit);
  return { found: found as unknown as readonly Found[], upTo, resume: gathering };
}

/** How far the log is walked in one step, whether many or few of its revisions are still there. */
function farthest(statements: BucketStatements, after: number, target: number): number {
  const [revision] = statements.revisionBehind().get(after, longestWalk - 1) ?? [target];
  return Math.min(revision as number, target);
}
