import { setImmediate as turn } from "node:timers/promises";
import type { TransferEntry } from "./record.ts";

/** How much is written at a time. */
export interface BatchLimits {
  readonly entries: number;
  /** Of keys and values; a single entry may be larger. */
  readonly bytes: number;
  /** True where a batch must not hold two entries of a key. */
  readonly hasDistinctKeys: boolean;
}

/**
 * Collects entries into batches. A null among them becomes an empty batch; what follows it is live: from then on a batch
 * is given as soon as no further entry is there.
 */
export async function* inBatches<T extends TransferEntry>(
  entries: AsyncIterable<T | null>,
  limits: BatchLimits,
): AsyncGenerator<T[], void> {
  const iterator = entries[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<T | null, unknown>> | undefined;
  let isLive = false;
  try {
    for (;;) {
      const batch: T[] = [];
      const keys = new Set<string>();
      let bytes = 0;
      let wasLast = false;
      while (batch.length < limits.entries && bytes < limits.bytes) {
        next ??= iterator.next();
        // What comes later than at once is not waited for with a batch in hand.
        const item = isLive && batch.length > 0 ? await Promise.race([next, turn(undefined)]) : await next;
        if (item === undefined) break;
        if (item.done) {
          wasLast = true;
          break;
        }
        const entry = item.value;
        if (entry === null) {
          if (batch.length > 0) break;
          isLive = true;
          next = undefined;
          break;
        }
        if (limits.hasDistinctKeys && keys.has(entry.key)) break;
        if (batch.length > 0 && bytes + entry.length > limits.bytes) break;
        next = undefined;
        keys.add(entry.key);
        bytes += entry.key.length + entry.length;
        batch.push(entry);
      }
      if (batch.length > 0 || !wasLast) yield batch;
      if (wasLast) return;
    }
  } finally {
    abandon(iterator, next);
  }
}

/** Makes the next item while the one before is dealt with. */
export async function* ahead<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = iterator.next();
      next.catch(() => {
        // It is thrown when it is asked for.
      });
      yield item.value;
    }
  } finally {
    abandon(iterator, next);
  }
}

/** Ends an iteration without waiting for it: it may be waiting itself, for what is written next. */
function abandon(iterator: AsyncIterator<unknown>, next: Promise<unknown> | undefined): void {
  for (const promise of [next, iterator.return?.()]) {
    promise?.catch(() => {
      // Nobody asks for it any more.
    });
  }
}
