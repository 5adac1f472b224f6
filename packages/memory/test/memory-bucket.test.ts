import type { KeyValueConfig } from "@revkv/api";
import { everyKey, isKeyValueError, normalizeConfig, updateConfig } from "@revkv/api";
import type { Unit, Write } from "@revkv/api/adapter";
import { expect, test } from "vitest";
import { MemoryBucket } from "../src/memory-bucket.ts";

/** A bucket with a clock that stands until it is moved. */
function open(config: Omit<KeyValueConfig, "bucket"> = {}): { bucket: MemoryBucket; clock: { now: number } } {
  const clock = { now: 1000 };
  return { bucket: new MemoryBucket(normalizeConfig({ bucket: "b", ...config }), () => clock.now), clock };
}

function unit(op: Write["op"], key: string, fields: Partial<Write> = {}): Unit {
  return [{ op, key, value: new Uint8Array(op === "put" ? 1 : 0), expect: undefined, ttl: undefined, ...fields }];
}

const whole = { filter: everyKey, after: { revision: 0 }, upTo: undefined, newestOnly: false, values: true } as const;

function rowsOf(bucket: MemoryBucket): (readonly [number, string, string, boolean])[] {
  const page = bucket.readLog({ ...whole, limit: 1000, maxBytes: 1_000_000 });
  return page.rows.map((row) => [row.revision, row.key, row.operation, row.expired]);
}

test("what is due is carried out by whatever comes first: a read, a count, a write", () => {
  const readers: ((bucket: MemoryBucket) => unknown)[] = [
    (bucket) => bucket.read(["a"]),
    (bucket) => bucket.readRevision("a", 1),
    (bucket) => bucket.head(),
    (bucket) => bucket.describe(),
    (bucket) => bucket.readKeys({ filter: everyKey, after: "", values: true, limit: 1, maxBytes: 1 }),
    (bucket) => bucket.readLog({ ...whole, limit: 1, maxBytes: 1 }),
    (bucket) => bucket.commit([unit("check", "z", { expect: 77 })]),
    (bucket) => bucket.purgeMarkers({ olderThan: 0, after: "zz", limit: 1 }),
    (bucket) => bucket.sweep(1),
  ];
  for (const read of readers) {
    const { bucket, clock } = open({ limitMarkerTtl: 5000 });
    bucket.commit([unit("put", "a", { ttl: 10 })]);
    clock.now += 9;
    read(bucket);
    expect(bucket.nextDue).toBe(1010);
    clock.now += 1;
    read(bucket);
    expect(bucket.nextDue).toBe(6010);
    expect(rowsOf(bucket)).toEqual([[2, "a", "PURGE", true]]);
  }
});

test("a bucket's ttl that is set later holds for what is there already", () => {
  const { bucket, clock } = open();
  bucket.commit([unit("put", "a")]);
  clock.now += 100;
  bucket.commit([unit("put", "b")]);
  const { config } = bucket;
  expect(bucket.nextDue).toBe(Number.POSITIVE_INFINITY);
  expect(bucket.configure(config, updateConfig(config, { bucket: "b", ttl: 50 }))).toBe(true);
  expect(bucket.readKeys({ filter: everyKey, after: "", values: true, limit: 9, maxBytes: 9 }).rows).toMatchObject([
    { key: "b", expiresAt: 1150 },
  ]);
  expect(bucket.describe()).toMatchObject({ values: 1, bytes: 2 });
});

test("a config is replaced only if it is still the one that was read", () => {
  const { bucket } = open();
  const { config } = bucket;
  const other = updateConfig(config, { bucket: "b", history: 3 });
  expect(bucket.configure(other, config)).toBe(false);
  expect(bucket.config).toBe(config);
});

test("a lowered history is trimmed at once and for good", () => {
  const { bucket } = open({ history: 5 });
  for (let count = 0; count < 5; count += 1) bucket.commit([unit("put", "a"), unit("put", "b")]);
  const { config } = bucket;
  const lower = updateConfig(config, { bucket: "b", history: 1 });
  expect(bucket.configure(config, lower)).toBe(true);
  expect(bucket.configure(lower, config)).toBe(true);
  expect(rowsOf(bucket).map(([revision]) => revision)).toEqual([9, 10]);
  expect(bucket.describe()).toMatchObject({ values: 2, bytes: 4 });
});

test("ten thousand entries that expire at once are all gone, each with one marker", () => {
  const { bucket, clock } = open({ limitMarkerTtl: 1000 });
  for (let index = 0; index < 10_000; index += 1) bucket.commit([unit("put", `k.${index}`, { ttl: 10 })]);
  clock.now += 10;
  expect(bucket.head()).toEqual({ revision: 20_000, compactedTo: 0 });
  expect(bucket.describe().values).toBe(10_000);
  clock.now += 1000;
  expect(bucket.describe()).toMatchObject({ revision: 20_000, compactedTo: 20_000, values: 0, bytes: 0 });
});

test("a sweep does about as much as it is asked for", () => {
  const { bucket, clock } = open({ ttl: 10 });
  for (let index = 0; index < 2000; index += 1) bucket.commit([unit("put", `k.${index}`)]);
  clock.now += 10;
  bucket.sweep(300);
  expect(bucket.nextDue).toBe(1010);
  while (bucket.nextDue <= clock.now) bucket.sweep(300);
  expect(bucket.describe().values).toBe(0);
});

test("subscribers are woken after the write and not in it, once for many, and no more when they left", async () => {
  const { bucket } = open();
  let woken = 0;
  const unsubscribe = bucket.subscribe(() => {
    woken += 1;
  });
  bucket.commit([unit("put", "a")]);
  bucket.commit([unit("put", "a")]);
  expect(woken).toBe(0);
  await Promise.resolve();
  expect(woken).toBe(1);
  bucket.commit([unit("check", "a", { expect: 77 }), unit("put", "a", { expect: 77 })]);
  await Promise.resolve();
  expect(woken).toBe(1);
  unsubscribe();
  bucket.commit([unit("put", "a")]);
  await Promise.resolve();
  expect(woken).toBe(1);
});

test("an expiry, a purge of markers, a new config and the deletion wake too", async () => {
  const { bucket, clock } = open({ limitMarkerTtl: 1000 });
  let woken = 0;
  bucket.subscribe(() => {
    woken += 1;
  });
  const wakesFor = async (change: () => unknown): Promise<number> => {
    const before = woken;
    change();
    await Promise.resolve();
    return woken - before;
  };
  expect(await wakesFor(() => bucket.commit([unit("put", "a", { ttl: 1 }), unit("delete", "b")]))).toBe(1);
  expect(await wakesFor(() => bucket.head())).toBe(0);
  clock.now += 1;
  expect(await wakesFor(() => bucket.head())).toBe(1);
  expect(await wakesFor(() => bucket.purgeMarkers({ olderThan: 0, after: "", limit: 10 }))).toBe(1);
  const { config } = bucket;
  expect(await wakesFor(() => bucket.configure(config, updateConfig(config, { bucket: "b", history: 2 })))).toBe(1);
  expect(await wakesFor(() => bucket.delete())).toBe(1);
});

test("markers are purged in pages, by key, and values are never touched", () => {
  const { bucket } = open({ history: 3 });
  for (const key of ["d", "b", "a", "c", "e"]) bucket.commit([unit("put", key), unit("delete", key)]);
  bucket.commit([unit("put", "c")]);
  const first = bucket.purgeMarkers({ olderThan: 0, after: "", limit: 2 });
  expect(first).toEqual({ removed: 4, end: "b", done: false });
  expect(bucket.purgeMarkers({ olderThan: 0, after: first.end, limit: 5 })).toEqual({
    removed: 4,
    end: "e",
    done: true,
  });
  expect(rowsOf(bucket).map(([, key]) => key)).toEqual(["c", "c", "c"]);
  expect(bucket.head()).toEqual({ revision: 11, compactedTo: 10 });
});

test("a deleted bucket holds nothing and answers nothing", () => {
  const { bucket } = open();
  bucket.commit([unit("put", "a")]);
  bucket.delete();
  const calls: (() => unknown)[] = [
    () => bucket.commit([unit("put", "a")]),
    () => bucket.read(["a"]),
    () => bucket.readRevision("a", 1),
    () => rowsOf(bucket),
    () => bucket.readKeys({ filter: everyKey, after: "", values: true, limit: 1, maxBytes: 1 }),
    () => bucket.head(),
    () => bucket.describe(),
    () => bucket.purgeMarkers({ olderThan: 0, after: "", limit: 1 }),
    () => bucket.subscribe(() => undefined),
    () => bucket.config,
  ];
  for (const call of calls) {
    expect(call).toThrow(expect.toSatisfy((error: unknown) => isKeyValueError(error, "BUCKET_NOT_FOUND")));
  }
});
