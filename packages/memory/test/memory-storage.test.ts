import { normalizeConfig } from "@revkv/api";
import { expect, test } from "vitest";
import { MemoryStorage } from "../src/memory-storage.ts";
import { leaseStore } from "../src/store.ts";

const config = normalizeConfig({ bucket: "b", limitMarkerTtl: 100_000 });

function open(name?: string): { storage: MemoryStorage; clock: { now: number }; put: (ttl: number) => void } {
  const clock = { now: 0 };
  const storage = new MemoryStorage(leaseStore(name, () => clock.now));
  const { bucket } = storage.createBucket(config);
  const call = { signal: new AbortController().signal };
  const write = { op: "put", key: "a", value: new Uint8Array(0), expect: undefined } as const;
  return { storage, clock, put: (ttl) => void bucket.commit([[{ ...write, ttl }]], call) };
}

test("a storage of its own is swept again only after a write when nothing has a deadline", () => {
  const { storage } = open();
  expect(storage.sweep(100)).toEqual({ next: undefined });
});

test("a named storage is looked after all the time: another manager may write and close", () => {
  const { storage } = open("looked-after");
  expect(storage.sweep(100)).toEqual({ next: 1000 });
  storage.close();
});

test("the next sweep is at the next deadline, or a second later in case the clock jumps", () => {
  const { storage, clock, put } = open();
  put(50_000);
  expect(storage.sweep(100)).toEqual({ next: 1000 });
  put(700);
  clock.now = 100;
  expect(storage.sweep(100)).toEqual({ next: 600 });
  clock.now = 700;
  expect(storage.sweep(100)).toEqual({ next: 1000 });
  clock.now = 200_000;
  expect(storage.sweep(100)).toEqual({ next: undefined });
});

test("buckets are listed by name, in pages", () => {
  const { storage } = open();
  for (const bucket of ["c", "a", "B"]) storage.createBucket(normalizeConfig({ bucket }));
  expect(storage.bucketNames("", 3)).toEqual(["B", "a", "b"]);
  expect(storage.bucketNames("b", 3)).toEqual(["c"]);
});

test("an error of unknown kind keeps its cause", () => {
  const cause = new RangeError("out of memory");
  expect(open().storage.translateError(cause)).toMatchObject({ code: "INTERNAL", cause });
});
