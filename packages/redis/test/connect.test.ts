import type { KeyValueEvent } from "@revkv/api";
import { redisCommand } from "@revkv/servers/redis";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import type { RedisConnectOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { later, open, server, watch } from "./open.ts";

test("E2: wrong options are refused before anything is connected", async () => {
  const client = new Redis({ lazyConnect: true, keyPrefix: "app:" });
  const wrong: readonly unknown[] = [
    undefined,
    null,
    17,
    "http://127.0.0.1",
    {},
    { url: "redis://127.0.0.1", client },
    { url: "redis://127.0.0.1", unknown: 1 },
    { url: "redis://127.0.0.1/shop" },
    { url: "redis://127.0.0.1", prefix: "" },
    { url: "redis://127.0.0.1", prefix: "{tag}" },
    { url: "redis://127.0.0.1", timeout: 0 },
    { url: "redis://127.0.0.1", options: { keyPrefix: "app:" } },
    { client: {} },
    { client },
    { cluster: [] },
    { sentinels: [{ host: "127.0.0.1", port: 1 }] },
  ];
  for (const options of wrong) {
    await expect(connect(options as RedisConnectOptions), JSON.stringify(options)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  }
});

test("what keeps a server from being used is told by its code", async () => {
  const redis = await server({ requirepass: "secret" });
  const port = redis.port;
  await expect(connect(redis.url)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await expect(connect(`redis://:wrong@127.0.0.1:${port}`)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  const manager = await open(`redis://:secret@127.0.0.1:${port}`);
  expect(manager.backingStore).toBe("redis");
  await redis.stop();
  await expect(connect({ url: redis.url, timeout: 2000 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("the database is the one that was asked for, or none", async () => {
  const redis = await server();
  await (await open(`${redis.url}/3`)).createKeyValue({ bucket: "b" });
  expect(await redisCommand(redis, "-n", "3", "EXISTS", "revkv:{b}")).toBe("1");
  for (const options of [`${redis.url}/99`, { client: new Redis(redis.url, { db: 99, lazyConnect: true }) }]) {
    await expect(connect(options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  }
});

test("what keeps a Cluster or sentinels from being reached is told", async () => {
  const redis = await server();
  await expect(connect({ cluster: [`127.0.0.1:${redis.port}`] })).rejects.toThrow(/cluster support disabled/);
  const sentinels = [{ host: "127.0.0.1", port: redis.port }];
  await expect(connect({ sentinels, name: "none", timeout: 2000 })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    cause: { message: expect.stringContaining("unreachable") },
  });
});

test("a server that does not answer is given up at the deadline", async () => {
  const redis = await server();
  await redis.pause();
  await expect(connect({ url: redis.url, timeout: 300 })).rejects.toMatchObject({
    code: expect.stringMatching(/^(TIMEOUT|UNAVAILABLE)$/),
  });
  await redis.resume();
});

test("a server that throws keys away is refused; persistence that is off is told once", async () => {
  const redis = await server();
  const events: KeyValueEvent[] = [];
  const manager = await open({ url: redis.url, onEvent: (event) => void events.push(event) });
  await (await manager.createKeyValue({ bucket: "b" })).put("a", "1");
  expect(events.map(({ type }) => type)).toEqual(["unsafe-setting"]);
  await redisCommand(redis, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  await expect(connect(redis.url)).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  await redisCommand(redis, "CONFIG", "SET", "maxmemory-policy", "volatile-lru");
  await open(redis.url);
});

test("E4: the application's client stays open, and its options do not lead to a write that is sent twice", async () => {
  const redis = await server();
  const client = new Redis(redis.url, { maxRetriesPerRequest: null, enableAutoPipelining: true });
  later(() => client.disconnect());
  const manager = await connect({ client });
  const kv = await manager.createKeyValue({ bucket: "b" });
  expect(await kv.put("a", "1")).toBe(1);
  await manager.close();
  expect(await client.ping()).toBe("PONG");
});

test("E3: what the application allows its own commands does not hold for waiting", async () => {
  const redis = await server();
  const client = new Redis(redis.url, { commandTimeout: 1, lazyConnect: true });
  const events: KeyValueEvent[] = [];
  const manager = await open({ client, onEvent: (event) => void events.push(event) });
  const kv = await manager.createKeyValue({ bucket: "b" });
  const watched = await watch(kv);
  const other = await (await open(redis.url)).keyValue("b");
  for (const revision of [1, 2]) {
    expect(await other.put("a", "1")).toBe(revision);
    await expect.poll(() => watched.entries.length).toBe(revision);
  }
  expect(events.map(({ type }) => type)).toEqual(["unsafe-setting"]);
});

test("prefixes are independent of each other, and nothing of a deleted bucket stays but its last step for a minute", async () => {
  const redis = await server();
  const [one, other] = [await open({ url: redis.url, prefix: "one" }), await open({ url: redis.url, prefix: "other" })];
  const kv = await one.createKeyValue({ bucket: "b", ttl: 60_000, history: 3 });
  await kv.put("a", "x".repeat(10_000));
  await kv.put("a", "2");
  await expect(other.keyValue("b")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
  await one.deleteKeyValue("b");
  const keys = (await redisCommand(redis, "KEYS", "*")).split("\n").filter((key) => !key.endsWith(":turn"));
  expect(keys).toHaveLength(1);
  expect(keys[0]).toMatch(/^one:\{b\}:.*:log$/);
  expect(Number(await redisCommand(redis, "PTTL", keys[0] ?? ""))).toBeGreaterThan(0);
});
