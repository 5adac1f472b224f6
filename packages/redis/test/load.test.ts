import type { RedisServer } from "@revkv/servers/redis";
import { redisCommand } from "@revkv/servers/redis";
import { expect, test } from "vitest";
import { open, server, watch } from "./open.ts";

/** How often the server has carried out a command. */
async function callsOf(redis: RedisServer, command: string): Promise<number> {
  const stats = await redisCommand(redis, "INFO", "commandstats");
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

test("what would hold up the server for long goes on in a next script, in order, and every call gets its own answer", async () => {
  const redis = await server();
  const kv = await (await open(redis.url)).createKeyValue({ bucket: "b", history: 64 });
  const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
  for (let count = 0; count < 64; count += 1) await Promise.all(keys.map((key) => kv.put(key, "x")));
  const before = await callsOf(redis, "evalsha");
  const purged = keys.map((key) => kv.purge(key));
  const after = kv.put("k0", "after");
  expect(await Promise.all(purged)).toEqual(keys.map((_, index) => 6401 + index));
  expect(await after).toBe(6501);
  // 6,400 rows are removed, by about 500 in each.
  expect((await callsOf(redis, "evalsha")) - before).toBeGreaterThan(10);
  expect((await kv.status()).values).toBe(101);
});

test("1,000 watchers of a bucket cost the server no command more than one, and 60 buckets no connection more than one", async () => {
  const redis = await server();
  const manager = await open(redis.url);
  const kv = await manager.createKeyValue({ bucket: "b" });
  const other = await (await open(redis.url)).keyValue("b");
  const watched = [await watch(kv)];
  let puts = 0;
  const cost = async (): Promise<number> => {
    const reads = async (): Promise<number> => (await callsOf(redis, "xread")) + (await callsOf(redis, "evalsha"));
    const before = await reads();
    for (let count = 0; count < 20; count += 1) {
      puts += 1;
      expect(await other.put("a", "x")).toBe(puts);
      await expect
        .poll(() => watched.every(({ entries }) => entries.at(-1)?.revision === puts), { interval: 2 })
        .toBe(true);
    }
    return (await reads()) - before;
  };
  const ofOne = await cost();
  watched.push(...(await Promise.all(Array.from({ length: 999 }, () => watch(kv)))));
  const connections = async (): Promise<number> => (await redisCommand(redis, "CLIENT", "LIST")).split("\n").length;
  const few = await connections();
  const since = performance.now();
  const ofAll = await cost();
  // Those who look by a clock, for what is due or was missed, do so the more often the longer it takes: not for each watcher.
  const seconds = (performance.now() - since) / 1000;
  expect(ofAll).toBeLessThan(ofOne + 60 + 10 * seconds);
  for (let count = 0; count < 60; count += 1) await watch(await manager.createKeyValue({ bucket: `b${count}` }));
  // A connection that is to wait for one bucket more is made anew.
  await expect.poll(connections).toBe(few);
});
