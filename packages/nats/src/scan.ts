import type { Call, Row } from "@revkv/api/adapter";
import { subjectOf } from "./covering-subject.ts";
import type { LogQuery } from "./log-reader.ts";
import { LogReader } from "./log-reader.ts";
import type { NatsBucket } from "./nats-bucket.ts";

/** How often the end of a bucket that is being written is looked for anew. */
const mostLaps = 3;

/** How many keys are read at a time that were written over before they were read. */
const overtakenKeys = 50;

const noBytes = new Uint8Array(0);

/**
 * Reads what a bucket holds, a page at a time. A bucket that is never quiet is not run after for ever: rows that are newer
 * than a line are left, but for those of keys whose older ones were gone before they were read (rule L1); they come last.
 */
export async function* scan(
  bucket: NatsBucket,
  query: LogQuery,
  signal: AbortSignal | undefined,
  laps: number = mostLaps,
): AsyncGenerator<readonly Row[], void, undefined> {
  const { context } = bucket;
  context.admit(signal);
  const reader = new LogReader(bucket, query);
  const seen = new Set<string>();
  const head = async (call: Call): Promise<number> => (await bucket.refresh(call)).state.last_seq;
  try {
    let line: number | undefined;
    for (let lap = 1; lap <= laps; ) {
      // A single page needs no line, unless rows that do not match are passed over on the way to it.
      if (seen.size > 0 || query.filter.filters.length > 1) line ??= await context.step(head, signal);
      const upTo = line;
      const found = await context.step((call) => reader.more(call, upTo), signal);
      const rows = [...reader.buffered];
      for (const { key } of rows) {
        reader.take();
        seen.add(key);
      }
      if (rows.length > 0) yield rows;
      context.admit(signal);
      if (line !== undefined && reader.position >= line) {
        line = await context.step(head, signal);
        if (reader.position >= line) return;
        lap += 1;
      } else if (!found) return;
    }
  } finally {
    reader.close();
  }
  yield* overtaken(bucket, query, seen, signal);
}

/** The rows of the keys that no row was seen of. */
async function* overtaken(
  bucket: NatsBucket,
  { filter, rows, values }: LogQuery,
  seen: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Row[], void, undefined> {
  const { context } = bucket;
  const keys = await context.step((call) => bucket.keys(subjectOf(filter), call), signal);
  const unseen = keys.filter((key) => !seen.has(key) && filter.matches(key));
  for (let index = 0; index < unseen.length; index += overtakenKeys) {
    const page = unseen.slice(index, index + overtakenKeys);
    const found = await context.step(
      (call) => Promise.all(page.map((key) => (rows === "all" ? all(bucket, key, call) : newest(bucket, key, call)))),
      signal,
    );
    yield found.flat().map((row) => (values ? row : { ...row, value: noBytes }));
    context.admit(signal);
  }
}

async function newest(bucket: NatsBucket, key: string, call: Call): Promise<readonly Row[]> {
  const row = await bucket.newest(key, call);
  return row === undefined ? [] : [row];
}

/** As many rows as a key may have, oldest first. */
async function all(bucket: NatsBucket, key: string, call: Call): Promise<readonly Row[]> {
  const rows: Row[] = [];
  while (rows.length < bucket.setup.config.history) {
    const row = await bucket.next(`${bucket.prefix}${key}`, (rows.at(-1)?.revision ?? 0) + 1, call);
    if (row === undefined) break;
    rows.push(row);
  }
  return rows;
}
