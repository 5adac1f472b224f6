import type { KeyFilter } from "@revkv/api";
import type { Call, LogPage, LogQuery, Row } from "@revkv/api/adapter";
import { numberArray, textArray } from "./arrays.ts";
import type { Store } from "./postgres-bucket.ts";
import { numberOf, rowOf } from "./rows.ts";

/** Behind every key: keys are ASCII. */
export const lastKey = "\u007f";

/** Revisions of a filter that the server has sorted once, so that later pages need not look for them again. */
interface Sorted {
  readonly revisions: readonly number[];
  /** No entry of the filter up to here is left out. */
  readonly upTo: number;
}

/** Reads a page of the log; see `read_log` in the schema for how the entries are found. */
export async function readLogPage(store: Store, id: number, query: LogQuery, call: Call): Promise<LogPage> {
  const { filter, after, upTo, newestOnly, values, limit, maxBytes } = query;
  const given = query.resume as Sorted | undefined;
  const sorted = given !== undefined && given.upTo > after.revision ? given : undefined;
  const known = sorted && behind(sorted.revisions, after.revision);
  const next = known?.slice(0, limit);
  const found = await store.session.run(
    store.statements.query.readLog,
    [
      id,
      after.revision,
      upTo ?? null,
      ...(filter.all ? [null, null] : ranges(filter)),
      newestOnly,
      values,
      limit,
      maxBytes,
      next ? numberArray(next) : null,
      known && sorted && next ? (known.length > limit ? (next.at(-1) as number) : sorted.upTo) : null,
    ],
    call,
  );
  const [first] = found;
  const [head, compactedTo, now, ttl, looked, all] = first as readonly unknown[];
  const rows: Row[] = [];
  let bytes = 0;
  for (const [, , , , , , revision, op, created, expires, size, key, value] of found) {
    if (key === null) continue;
    const row = rowOf({ key: key as string, revision, op, created, expires, size, value, ttl });
    bytes += row.length;
    rows.push(row);
  }
  // A page that is full may have been cut there; it was looked through up to its last row for certain.
  const isFull = rows.length >= limit || (values && bytes >= maxBytes);
  const revision = numberOf(head);
  const end = isFull ? (rows.at(-1)?.revision ?? 0) : Math.max(numberOf(looked), after.revision);
  const target = Math.min(upTo ?? revision, revision);
  return {
    rows,
    end: { revision: end },
    done: end >= target,
    head: { revision, compactedTo: numberOf(compactedTo) },
    now: numberOf(now),
    resume: sorted ?? sortedOf(all, target),
  };
}

/** The ranges of a filter as two arrays. */
export function ranges({ ranges }: KeyFilter): [from: string, to: string] {
  return [textArray(ranges.map(({ from }) => from)), rangeEnds(ranges.map(({ to }) => to ?? lastKey))];
}

/** Ends of ranges may have control characters, which need no escaping between quotes either, but for U+0000. */
function rangeEnds(ends: readonly string[]): string {
  return textArray(ends.map((end) => end.replaceAll("\u0000", "\u0001")));
}

function behind(revisions: readonly number[], after: number): readonly number[] {
  const index = revisions.findIndex((revision) => revision > after);
  return index < 0 ? [] : revisions.slice(index);
}

/** What the server gave when it sorted the revisions of the filter. */
function sortedOf(revisions: unknown, upTo: number): Sorted | undefined {
  if (!Array.isArray(revisions) && typeof revisions !== "string") return undefined;
  const items: readonly unknown[] = typeof revisions === "string" ? revisions.slice(1, -1).split(",") : revisions;
  return { revisions: items.map(Number), upTo };
}
