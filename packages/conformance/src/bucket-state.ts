import assert from "node:assert/strict";
import type { Capabilities, KeyValue, KeyValueEntry, KeyValueErrorCode, KeyValueErrorOf } from "@revkv/api";
import { brief, collect, rejects, throughNull } from "./expect.ts";
import type { ScenarioEnv } from "./scenario.ts";

/** All that can be read of a bucket, in a form that can be compared. */
export interface BucketState {
  readonly values: number;
  readonly bytes: number;
  readonly lastRevision: number;
  readonly compactedTo: number;
  /** Every kept entry in one line, in revision order. */
  readonly entries: readonly string[];
}

/** Reads all of a bucket, to compare what it holds before and after something. */
export async function stateOf(kv: KeyValue): Promise<BucketState> {
  const { values, bytes, lastRevision, compactedTo } = await kv.status();
  const entries = await kv.history(">");
  return { values, bytes, lastRevision, compactedTo, entries: entries.map(brief) };
}

/** Asserts that a call rejects like in {@link rejects}, and that the bucket is afterwards what it was before (rule M10). */
export async function refuses<Code extends KeyValueErrorCode>(
  code: Code,
  kv: KeyValue,
  call: () => Promise<unknown>,
  fields?: Parameters<typeof rejects<Code>>[2],
): Promise<KeyValueErrorOf<Code>> {
  const before = await stateOf(kv);
  const error = await rejects(code, call(), fields);
  assert.deepEqual(await stateOf(kv), before, `what is refused with ${code} changes nothing`);
  return error;
}

/** One value by every way that can give it, by the name of the way; null where it is not given. */
export async function everyRead(
  { capabilities }: ScenarioEnv,
  kv: KeyValue,
  key: string,
  revision: number,
): Promise<readonly (readonly [way: string, entry: KeyValueEntry | null])[]> {
  const one = (entries: readonly (KeyValueEntry | null)[]): KeyValueEntry | null =>
    entries.find((entry) => entry?.key === key && entry.revision === revision) ?? null;
  return [
    ["get", one([await kv.get(key)])],
    ["getRevision", await kv.getRevision(key, revision)],
    ...(capabilities.snapshotReads ? ([["getMany", one(await kv.getMany([key]))]] as const) : []),
    ["entries", one(await collect(kv.entries(key)))],
    ["history", one(await kv.history(key))],
    ["watch", one(await throughNull(await kv.watch(key)))],
    ["watch with includeHistory", one(await throughNull(await kv.watch(key, { includeHistory: true })))],
  ];
}

/** Puts a value under each of these keys, some hundreds at a time. */
export async function fill(kv: KeyValue, keys: readonly string[], value = "x"): Promise<void> {
  const atOnce = 250;
  for (let start = 0; start < keys.length; start += atOnce) {
    await Promise.all(keys.slice(start, start + atOnce).map((key) => kv.put(key, value)));
  }
}

/** What `get` gives for each of these keys. */
export async function getEach(kv: KeyValue, keys: readonly string[]): Promise<readonly (KeyValueEntry | null)[]> {
  return await Promise.all(keys.map((key) => kv.get(key)));
}

/** What `getMany` gives for these keys; `get` for each of them where the adapter has no snapshot reads (rule O9). */
export async function getTogether(
  capabilities: Pick<Capabilities, "snapshotReads">,
  kv: KeyValue,
  keys: readonly string[],
): Promise<readonly (KeyValueEntry | null)[]> {
  return capabilities.snapshotReads ? await kv.getMany(keys) : await getEach(kv, keys);
}

/** `count` keys that sort in the order of their numbers: `prefix0000`, `prefix0001` and so on. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(4, "0")}`);
}

/** The newest entry of each key, as a full reader finds it, in revision order. */
export async function newestOf(kv: KeyValue): Promise<KeyValueEntry[]> {
  const newest = new Map((await kv.history(">")).map((entry) => [entry.key, entry]));
  return [...newest.values()].sort((a, b) => a.revision - b.revision);
}

/** A value of a type that the types forbid, for calls that must be refused at run time too. */
export function misuse<T>(value: unknown): T {
  return value as T;
}
