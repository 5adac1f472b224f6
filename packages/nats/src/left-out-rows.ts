import type { Call, Row } from "@revkv/api/adapter";
import type { NatsBucket } from "./nats-bucket.ts";

/** How many read what a cursor has left out, and how many revisions each at a time. */
const [readers, span] = [32, 16];

/**
 * The index of the first of these rows before which a cursor has left out others on its subject; undefined when it has not.
 * Servers before 2.10 move a cursor to the end, or on, whenever a key is purged.
 */
export async function firstGap(
  bucket: NatsBucket,
  subject: string,
  rows: readonly Row[],
  after: number,
  call: Call,
): Promise<number | undefined> {
  const isWhole = await Promise.all(
    rows.map(async ({ revision }, index) => {
      const from = (rows[index - 1]?.revision ?? after) + 1;
      if (revision === from) return true;
      const found = await bucket.next(subject, from, call);
      return found === undefined || found.revision >= revision;
    }),
  );
  const index = isWhole.indexOf(false);
  return index < 0 ? undefined : index;
}

/**
 * The rows from a revision on and before another, read one by one, and up to where: not all of them at a time. A cursor that
 * is set anew each time hardly gets on while a bucket is written.
 */
export async function leftOut(
  bucket: NatsBucket,
  subject: string,
  from: number,
  before: number,
  call: Call,
): Promise<{ readonly rows: readonly Row[]; readonly end: number }> {
  const first = await bucket.next(subject, from, call);
  const start = Math.min(first?.revision ?? before, before);
  const end = Math.min(start + readers * span, before);
  const parts = Array.from({ length: Math.ceil((end - start) / span) }, (_, index) =>
    between(bucket, subject, start + index * span, Math.min(start + (index + 1) * span, end), call),
  );
  return { rows: (await Promise.all(parts)).flat(), end };
}

/** The rows from a revision on, and before another, as they are now. */
async function between(
  bucket: NatsBucket,
  subject: string,
  start: number,
  end: number,
  call: Call,
): Promise<readonly Row[]> {
  const found: Row[] = [];
  for (let from = start; from < end; ) {
    const row = await bucket.next(subject, from, call);
    if (row === undefined || row.revision >= end) break;
    found.push(row);
    from = row.revision + 1;
  }
  return found;
}
