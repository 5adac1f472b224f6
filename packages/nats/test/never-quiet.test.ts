import type { KeyValue } from "@revkv/api";
import { expect, test } from "vitest";
import { open, proxy, server } from "./open.ts";

const keys = Array.from({ length: 500 }, (_, index) => `key.${String(index).padStart(3, "0")}`);

/** So much is written at most while something is read; who reads after it all is not there before. */
const mostWrites = 40_000;

async function setUp(history: number) {
  const { url } = await server();
  const written = await (await open(url)).createKeyValue({ bucket: "b", history });
  const kv = await (await open(url)).keyValue("b");
  for (let round = 0; round < 4; round += 1) await Promise.all(keys.map((key) => written.put(key, "at first")));
  return { written, kv };
}

/** Writes all keys over and over, without a pause, until something has been read; gives that and how much was written. */
async function whileWriting<T>(kv: KeyValue, purges: boolean, read: () => Promise<T>): Promise<[T, number]> {
  let isRead = false;
  const reading = read().finally(() => {
    isRead = true;
  });
  let writes = 0;
  while (!isRead && writes < mostWrites) {
    const batch = Array.from({ length: 100 }, (_, index) => keys[(writes + index * 7) % keys.length] ?? "");
    await Promise.all(
      batch.map((key, index) => (purges && index % 15 === 0 ? kv.purge(key) : kv.put(key, "written over"))),
    );
    writes += batch.length;
  }
  return [await reading, writes];
}

test.each([1, 30])(
  "L1, H1, B8: what is written without a pause is listed to an end, history %i",
  async (history) => {
    const { written, kv } = await setUp(history);
    for (const filter of [">", ["key.*", "other"]]) {
      const [listed, writes] = await whileWriting(written, false, () => kv.keys(filter));
      expect([listed, writes < mostWrites]).toEqual([keys, true]);
    }
    const [entries, duringHistory] = await whileWriting(written, false, () => kv.history(">"));
    const revisions = entries.map(({ revision }) => revision);
    expect(new Set(entries.map(({ key }) => key)).size).toBe(keys.length);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    const [status, duringStatus] = await whileWriting(written, false, () => kv.status());
    expect(status.values).toBeGreaterThanOrEqual(keys.length);
    expect([duringHistory < mostWrites, duringStatus < mostWrites]).toEqual([true, true]);
  },
  120_000,
);

test("W1, W7: a history that is purged meanwhile is watched whole, in order, and to its end", async () => {
  const { written, kv } = await setUp(30);
  for (const options of [{ includeHistory: true }, { resumeFromRevision: 2 }]) {
    const [seen, writes] = await whileWriting(written, true, async () => {
      const revisions: number[] = [];
      for await (const entry of await kv.watch(">", options)) {
        if (entry === null) break;
        revisions.push(entry.revision);
      }
      return revisions;
    });
    expect(writes).toBeLessThan(mostWrites);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    const kept = (await kv.history(">")).filter(({ revision }) => revision <= (seen.at(-1) ?? 0));
    const missed = kept.filter(({ revision }) => revision >= (seen[0] ?? 0) && !seen.includes(revision));
    expect(missed.map(({ revision }) => revision)).toEqual([]);
    expect(seen.length).toBeGreaterThan(100);
  }
}, 120_000);

test("L1: keys that are all written over whenever a reader has come a step further are listed", async () => {
  const nats = await server();
  const network = await proxy(nats);
  const written = await (await open(nats.url)).createKeyValue({ bucket: "b" });
  const kv = await (await open(`nats://127.0.0.1:${network.port}`)).keyValue("b");
  const writeAll = () => Promise.all(keys.map((key) => written.put(key, "x".repeat(1000))));
  await writeAll();
  let isListed = false;
  const listing = kv.keys().finally(() => {
    isListed = true;
  });
  let rounds = 0;
  for (; !isListed && rounds < 300; rounds += 1) {
    network.hold("to-server");
    await writeAll();
    network.release();
    await written.get("key.000");
  }
  expect([await listing, rounds < 300]).toEqual([keys, true]);
}, 60_000);
