import type { KeyPage, KeyQuery } from "@revkv/api/adapter";
import type { MemoryLedger } from "./memory-ledger.ts";
import { maxLooks, Page } from "./page.ts";

/** Reads a page of live rows by key: only keys within the filter's ranges are looked at (rule L3). */
export function readKeyPage(ledger: MemoryLedger, query: KeyQuery): KeyPage {
  const page = new Page(query, ledger.config.ttl);
  let end = query.after;
  let looks = 0;
  for (const key of candidates(ledger, query)) {
    if (page.full || looks === maxLooks) return { rows: page.rows, end, done: false };
    looks += 1;
    end = key;
    const row = query.filter.exact || query.filter.matches(key) ? ledger.newest(key) : undefined;
    if (row?.operation === "PUT") page.add(row);
  }
  return { rows: page.rows, end, done: true };
}

/** The keys that can be on the page, in order. */
function* candidates(ledger: MemoryLedger, { filter, after }: KeyQuery): Generator<string, void> {
  if (filter.keys !== null) {
    for (const key of filter.keys) if (key > after) yield key;
    return;
  }
  for (const range of filter.ranges) {
    if (range.to === null || range.to > after) yield* ledger.live.within(range, after);
  }
}
