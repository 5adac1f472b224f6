import type { KeyPage, KeyQuery, Row } from "@revkv/api/adapter";
import { expiryOf } from "@revkv/api/adapter";
import type { BucketState } from "./bucket-state.ts";
import { agedBefore } from "./bucket-state.ts";
import type { BucketStatements } from "./bucket-statements.ts";
import { cutToSize, lastKey } from "./page.ts";
import { listOf, noBytes, operationCodes, readerRow } from "./rows.ts";

/** The newest row of a key as it is looked at. */
type Newest = readonly [
  revision: number,
  size: number,
  key: string,
  op: number,
  created: number,
  expires: number | null,
  id: number,
];

/** Reads a page of live keys within a transaction, range by range of the filter. */
export function readKeyPage(
  statements: BucketStatements,
  { config }: BucketState,
  { filter, after, values, limit, maxBytes }: KeyQuery,
  now: number,
): KeyPage {
  const aged = agedBefore(config, now);
  const rows: Row[] = [];
  let looked = 0;
  let bytes = 0;
  for (const range of filter.ranges) {
    const to = range.to ?? lastKey;
    const from = after < range.from ? range.from : `${after}\u0000`;
    if (from >= to) continue;
    const found = statements.newestInRange().all(from, to, limit - looked) as unknown as readonly Newest[];
    looked += found.length;
    const live = found.filter(
      ([, , key, op, created, expires]) =>
        op === operationCodes.PUT &&
        created > aged &&
        (expires === null || expires > now) &&
        (filter.exact || filter.matches(key)),
    );
    const page = values ? cutToSize(live, maxBytes - bytes) : live;
    bytes += page.reduce((sum, [, size]) => sum + size, 0);
    if (!values) rows.push(...page.map((newest) => withoutValue(newest, config.ttl)));
    else if (page.length > 0) {
      const ids = listOf(page.map((newest) => newest[6]));
      rows.push(
        ...statements
          .rows(true)
          .all(ids)
          .map((columns) => readerRow(columns, config)),
      );
    }
    const cut = page.length < live.length || bytes >= maxBytes;
    if (cut || looked >= limit) {
      const end = (page.length < live.length ? page : found).at(-1)?.[2] ?? after;
      return { rows, end, done: false };
    }
  }
  return { rows, end: rows.at(-1)?.key ?? after, done: true };
}

function withoutValue([revision, length, key, , created, expires]: Newest, ttl: number | undefined): Row {
  const row: Row = {
    key,
    revision,
    operation: "PUT",
    value: noBytes,
    length,
    created,
    expiresAt: expires ?? undefined,
    expired: false,
  };
  return ttl === undefined ? row : { ...row, expiresAt: expiryOf(row, ttl) };
}
