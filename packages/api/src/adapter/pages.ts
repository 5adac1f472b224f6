import { maxHistory } from "../config.ts";
import type { KeyFilter } from "../filter.ts";
import type { Position, Row } from "./row.ts";
import type { StoredBucket } from "./stored-bucket.ts";
import { isTurnUsedUp, nextTurn } from "./turn.ts";
import type { Unit } from "./write.ts";

/** Streams the live rows that match, sorted by key, a page at a time (rules L1, O9). */
export async function* keyPages(
  stored: StoredBucket,
  filter: KeyFilter,
  values: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Row[], void, undefined> {
  const { pageRows, pageBytes } = stored.context.storage.traits;
  for (let after = "", done = false; !done; ) {
    const query = { filter, after, values, limit: pageRows, maxBytes: pageBytes };
    if (isTurnUsedUp()) await nextTurn();
    const answer = stored.step((storage, call) => storage.readKeys(query, call), signal);
    const page = answer instanceof Promise ? await answer : answer;
    yield filter.exact ? page.rows : page.rows.filter((row) => filter.matches(row.key));
    after = page.end;
    done = page.done;
  }
}

/** Reads all kept rows that match, up to the head of the first page, in revision order (rules H1 to H4). */
export async function readHistory(
  stored: StoredBucket,
  filter: KeyFilter,
  values: boolean,
  signal: AbortSignal | undefined,
): Promise<readonly Row[]> {
  const { pageRows, pageBytes } = stored.context.storage.traits;
  // One key's history fits on one page, whatever its values are: it is all of one moment.
  const maxBytes = filter.keys?.length === 1 ? Number.MAX_SAFE_INTEGER : pageBytes;
  const rows: Row[] = [];
  let after: Position = { revision: 0 };
  let upTo: number | undefined;
  let resume: unknown;
  for (let done = false; !done; ) {
    const query = {
      filter,
      after,
      upTo,
      newestOnly: false,
      values,
      limit: Math.max(pageRows, maxHistory),
      maxBytes,
      resume,
    };
    if (isTurnUsedUp()) await nextTurn();
    const answer = stored.step((storage, call) => storage.readLog(query, call), signal);
    const page = answer instanceof Promise ? await answer : answer;
    for (const row of page.rows) {
      if (filter.matches(row.key)) rows.push(row);
    }
    upTo ??= page.head.revision;
    after = page.end;
    resume = page.resume;
    done = page.done || page.end.revision >= upTo;
  }
  return rows;
}

/**
 * Writes a marker to each key of the pages, on condition that it is still at the revision that was read: a key that was
 * written meanwhile is left alone (rule O11). Returns the number of markers.
 */
export async function removeMatching(
  stored: StoredBucket,
  op: "delete" | "purge",
  pages: AsyncIterable<readonly Row[]>,
  signal: AbortSignal | undefined,
): Promise<number> {
  let removed = 0;
  for await (const rows of pages) {
    const outcomes = await Promise.all(
      rows.map(({ key, revision }) => {
        const unit: Unit = [{ op, key, value: noBytes, expect: revision, ttl: undefined }];
        return stored.submit(unit, signal);
      }),
    );
    for (const outcome of outcomes) if (!("refused" in outcome)) removed += 1;
  }
  return removed;
}

const noBytes = new Uint8Array(0);

/** Purges markers a page of keys at a time, and returns the number of entries removed (rules P1, P2). */
export async function purgeDeletes(
  stored: StoredBucket,
  olderThan: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const limit = stored.context.storage.traits.pageRows;
  let removed = 0;
  for (let after = "", done = false; !done; ) {
    if (isTurnUsedUp()) await nextTurn();
    const query = { olderThan, after, limit };
    const page = await stored.step((storage, call) => storage.purgeMarkers(query, call), signal, true);
    removed += page.removed;
    after = page.end;
    done = page.done;
  }
  return removed;
}
