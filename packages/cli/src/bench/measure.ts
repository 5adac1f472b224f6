import { randomBytes } from "node:crypto";
import { createHistogram } from "node:perf_hooks";
import type { KeyValue, KeyValueManager } from "@revkv/api";

/** What to measure with. */
export interface MeasureOptions {
  /** Of each measurement, in milliseconds. */
  readonly duration: number;
  /** Of the values, in bytes. */
  readonly size: number;
  readonly signal: AbortSignal;
}

/** What was measured. */
export interface Measurement {
  readonly name: string;
  readonly operations: number;
  readonly perSecond: number;
  /** Half of the operations took no longer, in milliseconds. */
  readonly p50: number;
  /** All but one in a hundred took no longer, in milliseconds. */
  readonly p99: number;
}

/** How many keys are written over and over, and how many callers there are at the same time. */
const keys = 1000;
const callers = 64;

/** Measures a store in a bucket of its own, which is deleted in the end. */
export async function* measure(manager: KeyValueManager, options: MeasureOptions): AsyncGenerator<Measurement, void> {
  const bucket = `revkv-bench-${randomBytes(6).toString("hex")}`;
  const store = await manager.createKeyValue({ bucket });
  try {
    const value = randomBytes(options.size);
    const key = (index: number): string => `key.${index % keys}`;
    const put = (index: number): Promise<unknown> => store.put(key(index), value);
    const get = (index: number): Promise<unknown> => store.get(key(index));
    yield await run("put, one at a time", 1, put, options);
    yield await run(`put, ${callers} at a time`, callers, put, options);
    yield await run("get, one at a time", 1, get, options);
    yield await run(`get, ${callers} at a time`, callers, get, options);
    yield await runWatch(store, value, options);
  } finally {
    await manager.deleteKeyValue(bucket);
  }
}

async function run(
  name: string,
  concurrency: number,
  operation: (index: number) => Promise<unknown>,
  { duration, signal }: MeasureOptions,
): Promise<Measurement> {
  const histogram = createHistogram();
  const start = performance.now();
  let count = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - start < duration) {
      signal.throwIfAborted();
      const begin = performance.now();
      count += 1;
      await operation(count);
      histogram.record(nanoseconds(performance.now() - begin));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return measurement(name, histogram, performance.now() - start);
}

/** From the call that writes to the entry at a watcher. */
async function runWatch(
  store: KeyValue,
  value: Uint8Array,
  { duration, signal }: MeasureOptions,
): Promise<Measurement> {
  const histogram = createHistogram();
  const watcher = await store.watch(">", { updatesOnly: true, signal });
  const entries = watcher[Symbol.asyncIterator]();
  await entries.next();
  const start = performance.now();
  while (performance.now() - start < duration) {
    const begin = performance.now();
    await Promise.all([store.put("watched", value), entries.next()]);
    histogram.record(nanoseconds(performance.now() - begin));
  }
  await watcher.stop();
  return measurement("put until a watcher has it", histogram, performance.now() - start);
}

function nanoseconds(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds * 1e6));
}

function measurement(name: string, histogram: ReturnType<typeof createHistogram>, elapsed: number): Measurement {
  return {
    name,
    operations: histogram.count,
    perSecond: (histogram.count / elapsed) * 1000,
    p50: histogram.percentile(50) / 1e6,
    p99: histogram.percentile(99) / 1e6,
  };
}
