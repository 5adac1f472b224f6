import { setTimeout as delay } from "node:timers/promises";
import type { KeyValue, KeyValueManager } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import type { RedisServer } from "@revkv/servers/redis";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { later, open, server } from "./open.ts";

/** The indexes of a bucket and the counts in its state; see lua/shared/bucket.lua. */
interface Indexes {
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly count: number;
  readonly bytes: number;
}

/** What they have to be by the heads of the keys, and what they are, of one moment. */
async function indexesOf(client: Redis, incarnation: string): Promise<{ wanted: Indexes; found: Indexes }> {
  const part = (name: string): string => `revkv:{b}:${incarnation}:${name}`;
  const sets = ["newest", "older", "live", "marked", "deadlines"] as const;
  const reading = client.multi().hgetallBuffer(part("heads")).hkeys(part("values"));
  for (const set of sets) reading.zrange(part(set), "-inf", "+inf", "BYSCORE");
  const [heads, ...indexes] = ((await reading.exec()) ?? []).map(([, reply]) => reply) as [
    Record<string, Buffer>,
    ...string[][],
  ];
  const wanted: Record<string, string[]> = { values: [], newest: [], older: [], live: [], marked: [], deadlines: [] };
  let count = 0;
  let bytes = 0;
  for (const [key, head] of Object.entries(heads)) {
    if (key === "") continue;
    const rows = head.readUInt8(0);
    let inline = 0;
    for (let row = 0; row < rows; row += 1) {
      const at = 1 + row * 27;
      const revision = head.readBigUInt64BE(at);
      const operation = head.readUInt8(at + 22);
      const length = head.readUInt32BE(at + 23);
      count += 1;
      bytes += key.length + length;
      if (operation >= 4) wanted["values"]?.push(`${revision}`);
      else inline += length;
      if (head.readBigUInt64BE(at + 14) > 0) wanted["deadlines"]?.push(`${revision} ${key}`);
      if (row < rows - 1) wanted["older"]?.push(`${revision} ${key}`);
    }
    const newest = head.readUInt8(1 + (rows - 1) * 27 + 22);
    wanted["newest"]?.push(key);
    wanted[newest % 4 === 0 ? "live" : "marked"]?.push(key);
    expect(head.length).toBe(1 + rows * 27 + inline);
  }
  for (const list of Object.values(wanted)) list.sort();
  const names = ["values", ...sets];
  const found = Object.fromEntries(names.map((name, index) => [name, [...(indexes[index] ?? [])].sort()]));
  const state = heads[""] as Buffer;
  return {
    wanted: { lists: wanted, count, bytes },
    found: { lists: found, count: Number(state.readBigUInt64BE(82)), bytes: Number(state.readBigUInt64BE(74)) },
  };
}

/** Writes of all kinds at once, with values in line and apart, some of which expire at once. */
async function writeAll(kv: KeyValue, random: (below: number) => number): Promise<void> {
  const key = (): string => `k${random(8)}`;
  const value = (): string => "x".repeat(random(2) === 0 ? random(50) : random(6000));
  const kinds: readonly (() => Promise<unknown>)[] = [
    () => kv.put(key(), value()),
    () => kv.put(key(), value(), { ttl: 1 + random(60) }),
    () => kv.create(key(), value()),
    () => kv.delete(key()),
    () => kv.purge(key(), { ttl: 1 + random(5) }),
    () => kv.purgeDeletes({ olderThan: 0 }),
    () =>
      kv.transaction([
        { op: "put", key: "k0", value: value() },
        { op: "delete", key: key() },
        { op: "put", key: "k0", value: value(), ttl: 1 + random(9) },
        { op: "purge", key: key() },
      ]),
  ];
  const writing = Array.from({ length: 40 }, () => kinds[random(kinds.length)]?.());
  for (const outcome of await Promise.allSettled(writing)) {
    if (outcome.status === "fulfilled") continue;
    if (!isKeyValueError(outcome.reason, "KEY_EXISTS") && !isKeyValueError(outcome.reason, "BUCKET_FULL")) {
      throw outcome.reason;
    }
  }
}

async function bucketOn(redis: RedisServer, maxBytes: number | undefined): Promise<[KeyValueManager, KeyValue]> {
  const manager = await open(redis.url);
  return [manager, await manager.createKeyValue({ bucket: "b", history: 3, limitMarkerTtl: 1000, maxBytes })];
}

for (const maxBytes of [undefined, 60_000]) {
  test(`M5, B8: whatever is written, removed and configured, nothing stays in an index and the counts are right; maxBytes: ${maxBytes}`, async () => {
    const redis = await server();
    const client = new Redis(redis.url);
    later(() => client.disconnect());
    const [manager, kv] = await bucketOn(redis, maxBytes);
    const { incarnation } = await kv.status();
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 20; round += 1) {
      if (random(3) === 0) {
        await manager.updateKeyValue({ bucket: "b", history: 1 + random(5), ttl: random(3) === 0 ? 40 : null });
      }
      await writeAll(kv, random);
      // So that some is due, and some is not.
      if (round % 3 === 0) await delay(random(60));
      const { wanted, found } = await indexesOf(client, incarnation);
      expect(found).toEqual(wanted);
    }
    expect((await kv.status()).lastRevision).toBeGreaterThan(300);
  });
}
