import type { KeyFilter } from "@revkv/api";
import type { BucketStatements } from "./bucket-statements.ts";
import { lastKey } from "./page.ts";

/**
 * How many rows a step gathers: at first as many as most filters have, then fewer. They lie all over the table, so that
 * each costs several times what one on the walk through the log does.
 */
const firstStretch = 500;
const stretch = 100;

/** The most revisions that are kept for a query; of more rows the first are, and the rest is gathered again later. */
const mostKept = 10_000;

/** Revisions of a filter's rows, which are found by key, a stretch at a time. It is never changed, but replaced. */
export interface Gathering {
  /** Rows behind this revision are gathered. */
  readonly after: number;
  /** No row of the filter up to here is left out when all stretches were gone through. */
  readonly upTo: number;
  /** Sorted when all stretches were gone through. */
  readonly revisions: readonly number[];
  /** Where the next stretch begins: behind this row of a range; undefined when there is none. */
  readonly next: { readonly range: number; readonly key: string; readonly id: number } | undefined;
}

/** A gathering of which nothing was looked at yet. */
export function beginGathering(after: number, upTo: number): Gathering {
  return { after, upTo, revisions: [], next: { range: 0, key: "", id: 0 } };
}

/**
 * Gathers another stretch, for a reader that is behind some revision by now. Stretches need not be of one moment: a row
 * that is written or overwritten meanwhile is behind `upTo`.
 */
export function gather(
  statements: BucketStatements,
  filter: KeyFilter,
  gathering: Gathering,
  after: number,
): Gathering {
  const { next } = gathering;
  if (next === undefined) return gathering;
  let { upTo } = gathering;
  const revisions = gathering.revisions.filter((revision) => revision > after);
  let { range, key, id } = next;
  for (let room = range === 0 && key === "" ? firstStretch : stretch; room > 0; range += 1) {
    const { from, to } = filter.ranges[range] ?? {};
    if (from === undefined) return { after, ...first(revisions, upTo), next: undefined };
    const rows = statements.inRange().all(key < from ? from : key, to ?? lastKey, key, id, room);
    for (const [revision, key] of rows as readonly (readonly [number, string, number])[]) {
      if (revision > after && revision <= upTo && (filter.exact || filter.matches(key))) revisions.push(revision);
    }
    if (revisions.length > 2 * mostKept) {
      const kept = first(revisions, upTo);
      revisions.splice(0, revisions.length, ...kept.revisions);
      upTo = kept.upTo;
    }
    const last = rows.at(-1);
    if (last !== undefined) [, key, id] = last as unknown as readonly [number, string, number];
    if (rows.length === room) break;
    // A range without rows costs a search, too.
    room -= rows.length + 1;
  }
  return { after, upTo, revisions, next: { range, key, id } };
}

/** The revisions behind one, of sorted ones. */
export function behind(revisions: readonly number[], after: number): readonly number[] {
  let low = 0;
  let high = revisions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((revisions[middle] as number) > after) high = middle;
    else low = middle + 1;
  }
  return revisions.slice(low);
}

/** Sorts revisions; of too many the first are kept, and how far they reach is told. */
function first(revisions: readonly number[], upTo: number): Pick<Gathering, "revisions" | "upTo"> {
  const sorted = [...revisions].sort((a, b) => a - b);
  if (sorted.length <= mostKept) return { revisions: sorted, upTo };
  return { revisions: sorted.slice(0, mostKept), upTo: sorted[mostKept - 1] as number };
}
