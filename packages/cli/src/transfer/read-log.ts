import type { KeyValue, KeyValueEntry } from "@revkv/api";

/** After so many looks at what was written meanwhile a bucket is never quiet: what is still to be read is looked for by its key. */
const mostPasses = 5;

/**
 * Reads every entry that a bucket keeps, markers included, in the order of their revisions, a page at a time. A key that
 * is overwritten before its entry was read comes with the later one: what was written meanwhile is read too, until there
 * is nothing more. Where that never happens, keys that are written all the time come at the end, sorted: no key that lives
 * throughout is left out.
 */
export async function* readLog(
  bucket: KeyValue,
  filters: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<KeyValueEntry, void> {
  let seen = 0;
  for (let pass = 0; pass < mostPasses; pass += 1) {
    const { lastRevision } = await bucket.status({ signal });
    if (pass > 0 && lastRevision <= seen) return;
    const options = pass === 0 ? { includeHistory: true } : { resumeFromRevision: seen + 1 };
    for await (const entry of await bucket.watch(filters, { ...options, signal })) {
      if (entry === null) break;
      seen = Math.max(seen, entry.revision);
      yield entry;
    }
    // What is kept up to here was given, or overwritten by what is behind it before this pass came to it.
    seen = Math.max(seen, lastRevision);
  }
  for await (const { key, revision } of bucket.entries(filters, { signal })) {
    if (revision <= seen) continue;
    for (const entry of await bucket.history(key, { signal })) if (entry.revision > seen) yield entry;
  }
}
