import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { fill, numbered } from "./bucket-state.ts";

/** More keys than any adapter reads in one page. */
const staying = numbered("k.", 1_500);

/**
 * Reads a listing of a bucket while its keys are written, removed and added, in front of the reader and behind it, by
 * this and another handle. Asserts that keys come in order, none twice, and each that lives throughout (rules L1, O9).
 */
export async function listWhileWriting<T>(
  kv: KeyValue,
  other: KeyValue,
  list: () => AsyncIterable<T>,
  keyOf: (item: T) => string,
): Promise<readonly T[]> {
  await fill(kv, staying, "at first");
  // Keys such as `k.0007-` sort between those that stay.
  const passing = staying.filter((_, index) => index % 10 === 7).map((key) => `${key}-`);
  await fill(kv, passing, "passing");
  const items: T[] = [];
  for await (const item of list()) {
    const step = items.push(item);
    if (step % 150 !== 50) continue;
    const at = (index: number): string => staying[index % staying.length] ?? "";
    await Promise.all([
      kv.put(at(step + 5), "overwritten in front"),
      other.put(at(step - 20), "overwritten behind"),
      other.put(at(step + 700), "overwritten far in front"),
      kv.put(`${at(step + 12)}=`, "added in front"),
      other.put(`${at(step - 30)}=`, "added behind"),
      kv.delete(passing[Math.floor(step / 10) + 3] ?? "k"),
      other.purge(passing[Math.floor(step / 10) + 60] ?? "k"),
    ]);
  }
  const keys = items.map(keyOf);
  keys.slice(1).forEach((key, index) => {
    const before = keys[index] ?? "";
    assert.ok(before < key, `${before} comes before ${key}`);
  });
  const listed = new Set(keys);
  const missing = staying.filter((key) => !listed.has(key));
  assert.deepEqual(missing, [], "every key that lives throughout is listed");
  return items;
}
