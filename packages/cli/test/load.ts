import type { KeyValue, KeyValueManager } from "@revkv/api";

/** A generator of numbers that a seed repeats (mulberry32): the same work for every store. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Fills a bucket of history 5 with values of all kinds, markers, deadlines, and keys whose history was trimmed and purged. */
export async function fill(manager: KeyValueManager, bucket: string, keys: number): Promise<KeyValue> {
  const store = await manager.createKeyValue({
    bucket,
    history: 5,
    limitMarkerTtl: 3_600_000,
    description: "all there can be in a bucket",
    metadata: { by: "the tests" },
  });
  const random = randomNumbers(7);
  const writes: Promise<unknown>[] = [];
  for (let index = 0; index < keys * 2; index += 1) {
    writes.push(writeSomething(store, `key.${random(keys)}`, index, random));
    if (writes.length >= 256) await Promise.all(writes.splice(0));
  }
  for (let index = 0; index < keys; index += 1) {
    writes.push(store.put(`key.${index}`, `last ${index}`));
    if (writes.length >= 256) await Promise.all(writes.splice(0));
  }
  await Promise.all(writes);
  await store.put("empty", "");
  await store.put("binary", Uint8Array.of(0, 1, 255, 128, 10, 13));
  await store.put("long", "0123456789abcdef".repeat(100_000));
  await store.put("text", "zwei Zeilen\nmit ✓ und \ufeff");
  await store.delete("deleted");
  await store.put("deleted", "1");
  await store.delete("deleted");
  await store.put("purged", "1");
  await store.purge("purged");
  await store.put("expiring", "1", { ttl: 3_600_000 });
  return store;
}

function writeSomething(
  store: KeyValue,
  key: string,
  index: number,
  random: (below: number) => number,
): Promise<unknown> {
  const what = random(20);
  if (what === 0) return store.delete(key);
  if (what === 1) return store.purge(key);
  if (what === 2) return store.put(key, `${index}`, { ttl: 3_600_000 + index });
  if (what === 3)
    return store.put(
      key,
      Uint8Array.from({ length: random(40) }, () => random(256)),
    );
  return store.put(key, `value ${index}`);
}
