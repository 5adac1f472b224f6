import type { KeyValue, KeyValueEntry, WatchOptions } from "@revkv/api";
import { compileFilter } from "@revkv/api";
import { expect, test } from "vitest";
import { sharedServer } from "./harness.ts";
import { open } from "./open.ts";

const prefixes = 12;
const keysOfOne = 400;
const rounds = 3;

/** Writes so many keys that the rows of a few are found by their keys, and take several pages. */
async function fill(kv: KeyValue): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const names = Array.from({ length: prefixes * keysOfOne }, (_, index) => `p${index % prefixes}.k-${index}`);
    await Promise.all(names.map((name, index) => (index % 7 === round ? kv.delete(name) : kv.put(name, `v${round}`))));
  }
}

async function initial(kv: KeyValue, filter: string | readonly string[], options?: WatchOptions): Promise<string[]> {
  const entries: string[] = [];
  for await (const entry of await kv.watch(filter, options)) {
    if (entry === null) break;
    entries.push(brief(entry));
  }
  return entries;
}

function brief({ key, revision, operation, length }: KeyValueEntry): string {
  return `${key}@${revision} ${operation} ${length}`;
}

test("L3: what a filter gives is the same by the keys, along the log and by name", async () => {
  const { url } = await sharedServer();
  const manager = await open({ url, prefix: `filters${Date.now()}` });
  const kv = await manager.createKeyValue({ bucket: "b", history: rounds });
  await fill(kv);
  const all = await kv.history(">");
  expect(all).toHaveLength(prefixes * keysOfOne * rounds);
  const newest = new Map(all.map((entry) => [entry.key, entry.revision]));
  const some = Array.from({ length: 100 }, (_, index) => `p3.k-${3 + 12 * index}`);
  for (const filter of ["p3.>", "p3.*", "*.k-15", "p1.>", ["p3.>", "p5.*", "p7.k-7"], some, some.slice(0, 10)]) {
    const { matches } = compileFilter(filter);
    const expected = all.filter(({ key }) => matches(key));
    expect(expected.length).toBeGreaterThan(0);
    expect((await kv.history(filter)).map(brief)).toEqual(expected.map(brief));
    expect(await initial(kv, filter)).toEqual(
      expected.filter(({ key, revision }) => newest.get(key) === revision).map(brief),
    );
    expect(await initial(kv, filter, { includeHistory: true })).toEqual(expected.map(brief));
    const resumed = { resumeFromRevision: 5000 };
    expect(await initial(kv, filter, resumed)).toEqual(expected.filter(({ revision }) => revision >= 5000).map(brief));
    const live = expected.filter(({ key, revision, operation }) => newest.get(key) === revision && operation === "PUT");
    expect(await kv.keys(filter)).toEqual(live.map(({ key }) => key).sort());
  }
});
