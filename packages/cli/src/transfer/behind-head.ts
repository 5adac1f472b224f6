import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";

/**
 * Reads what was written to a bucket behind a revision, without the values.
 *
 * @throws `HISTORY_LOST` when the bucket does not know that revision any more
 */
export async function* behindHead(bucket: KeyValue, head: number): AsyncGenerator<KeyValueEntry, void> {
  for await (const entry of await watchFrom(bucket, head + 1)) {
    if (entry === null) return;
    if (entry.revision > head) yield entry;
  }
}

async function watchFrom(bucket: KeyValue, revision: number): Promise<AsyncIterable<KeyValueEntry | null>> {
  try {
    return await bucket.watch(">", { resumeFromRevision: revision, metaOnly: true });
  } catch (error) {
    // Somebody has compacted the bucket: what is left is found by going through all of it.
    if (!isKeyValueError(error, "REVISION_COMPACTED")) throw error;
    return await bucket.watch(">", { includeHistory: true, metaOnly: true });
  }
}

/** Tells whether there is an entry between a revision and the newest of ours that neither we nor the storage has written. */
export async function haveOthersWritten(
  behind: AsyncIterable<KeyValueEntry>,
  head: number,
  ours: readonly number[],
): Promise<boolean> {
  const highest = Math.max(head, ...ours);
  // There is no room for it.
  if (highest - head === ours.length) return false;
  const known = new Set(ours);
  for await (const entry of behind) {
    if (entry.revision > highest) return false;
    if (!isOfTheStorage(entry) && !known.has(entry.revision)) return true;
  }
  return false;
}

/** The markers of what has expired are written by the storage itself. */
export function isOfTheStorage({ reason }: KeyValueEntry): boolean {
  return reason !== undefined;
}
