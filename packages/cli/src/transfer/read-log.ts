import type { KeyValue, KeyValueEntry } from "@revkv/api";

/** After so many looks at what was written meanwhile, a bucket that is never quiet has been read. */
const mostPasses = 20;

/**
 * Reads every entry that a bucket keeps, markers included, in the order of their revisions, a page at a time. A key that
 * is overwritten before its entry was read comes with the later one: what was written meanwhile is read too, until there
 * is nothing more.
 */
export async function* readLog(
  bucket: KeyValue,
  filters: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<KeyValueEntry, void> {
  // Entries up to here are all in the first pass: later ones do not begin with what was compacted before it.
  let { lastRevision: seen } = await bucket.status({ signal });
  for (let pass = 0; pass < mostPasses; pass += 1) {
    const options = pass === 0 ? { includeHistory: true } : { resumeFromRevision: seen + 1 };
    let found = false;
    for await (const entry of await bucket.watch(filters, { ...options, signal })) {
      if (entry === null) break;
      found = true;
      seen = Math.max(seen, entry.revision);
      yield entry;
    }
    if (!found && pass > 0) return;
  }
}
