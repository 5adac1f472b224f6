import { setTimeout as delay } from "node:timers/promises";
import { normalizeConfig } from "@revkv/api";
import type { Awaitable, Unit } from "@revkv/api/adapter";
import type { RedisServer } from "@revkv/servers/redis";
import { redisCommand } from "@revkv/servers/redis";
import type { TcpProxy } from "@revkv/servers/tcp-proxy";
import { expect, test } from "vitest";
import { bucketKeys } from "../src/bucket-keys.ts";
import { ChangeReader } from "../src/change-reader.ts";
import { Commands } from "../src/commands.ts";
import { scripts } from "../src/generated/lua.ts";
import { Nonces } from "../src/nonces.ts";
import { RedisStorage } from "../src/redis-storage.ts";
import { makeClient } from "../src/safe-client.ts";
import { later, open, proxy, server } from "./open.ts";

const url = (port: number): string => `redis://127.0.0.1:${port}`;

/** Lets a call come to its script, has the server carry that out, and loses the answer. */
async function loseAnswer<T>(redis: RedisServer, network: TcpProxy, call: () => Awaitable<T>): Promise<T> {
  // Else it would only be the answer that the script is not known yet.
  await Promise.all(Object.values(scripts).map((text) => redisCommand(redis, "SCRIPT", "LOAD", text)));
  await redisCommand(redis, "CLIENT", "PAUSE", "60000", "WRITE");
  const promise = Promise.resolve(call());
  promise.catch(() => undefined);
  await isHeldUpAt(redis, "evalsha?");
  network.hold("to-client");
  await redisCommand(redis, "CLIENT", "UNPAUSE");
  await expect.poll(async () => (await redisCommand(redis, "CLIENT", "LIST")).includes("flags=b")).toBe(false);
  network.cut();
  network.release();
  return promise;
}

/** Waits until a command that would write has come to a server that is paused. */
async function isHeldUpAt(redis: RedisServer, command: string): Promise<void> {
  const line = new RegExp(` flags=b .* cmd=${command} `);
  await expect.poll(async () => line.test(await redisCommand(redis, "CLIENT", "LIST"))).toBe(true);
}

/** A storage without a manager, which would look for what is due meanwhile. */
async function storageAt(address: string): Promise<RedisStorage> {
  const client = makeClient({ url: address }, 5000);
  await client.connect();
  const commands = new Commands(client);
  const nonces = new Nonces();
  const changes = new ChangeReader({ client, commands, own: nonces.own, timeout: 5000, onUp: () => undefined });
  const storage = new RedisStorage({ commands, changes, nonces, prefix: "revkv", release: () => client.disconnect() });
  later(() => storage.close());
  return storage;
}

const call = { signal: new AbortController().signal };
const config = normalizeConfig({ bucket: "b" });

test("M10: a change of a bucket whose answer is lost is told truly, and was carried out once", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const storage = await storageAt(url(network.port));
  const { bucket } = await storage.createBucket(config, call);
  const next = normalizeConfig({ bucket: "b", description: "new" });
  expect(await loseAnswer(redis, network, () => bucket.configure(config, next, call))).toBe(true);
  expect((await bucket.describe(call)).config).toEqual(next);
  const remove = (key: string): Unit => [{ op: "delete", key, value: "", expect: undefined, ttl: undefined }];
  await bucket.commit(["a", "b", "c"].map(remove), call);
  const query = { olderThan: 0, after: "", limit: 100 };
  expect(await loseAnswer(redis, network, () => bucket.purgeMarkers(query, call))).toMatchObject({ removed: 3 });
  expect(await loseAnswer(redis, network, () => storage.deleteBucket("b", call))).toBe(true);
  expect(await storage.openBucket("b", call)).toBeUndefined();
  expect(await storage.deleteBucket("b", call)).toBe(false);
});

test("M10: a bucket that was created without an answer is the caller's", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const storage = await storageAt(url(network.port));
  // It is listed before it is created: the answer to that is not lost, but late.
  await redisCommand(redis, "CLIENT", "PAUSE", "60000", "WRITE");
  const creating = storage.createBucket(config, call);
  await isHeldUpAt(redis, "zadd");
  network.hold("to-client");
  await redisCommand(redis, "CLIENT", "UNPAUSE");
  await expect.poll(() => redisCommand(redis, "ZCARD", "revkv:{.}:buckets")).toBe("1");
  const release = (): typeof creating => {
    network.release();
    return creating;
  };
  const { bucket, created } = await loseAnswer(redis, network, release);
  expect(created).toBe(true);
  expect(await redisCommand(redis, "HGET", "revkv:{b}", "id")).toBe(bucket.incarnation);
  expect(await redisCommand(redis, "ZCARD", "revkv:{.}:buckets")).toBe("1");
});

test("M10: a bucket that was given up while it was being created does not come to be later", async () => {
  const redis = await server();
  const storage = await storageAt(redis.url);
  const keys = bucketKeys("revkv", "b", "late");
  const client = makeClient({ url: redis.url }, 5000);
  await client.connect();
  later(() => client.disconnect());
  const commands = new Commands(client);
  expect(await commands.script("voidBucket", keys, ["late"])).toBe(0);
  // The answer to that may be lost as well.
  expect(await commands.script("voidBucket", keys, ["late"])).toBe(0);
  expect(
    await commands.script("createBucket", keys, ["late", JSON.stringify(config), "0", "1", "0", "0", "0"]),
  ).toBeNull();
  expect(await storage.openBucket("b", call)).toBeUndefined();
  const { bucket } = await storage.createBucket(config, call);
  expect(await commands.script("voidBucket", keys, ["late"])).toBe(0);
  const createdKeys = bucketKeys("revkv", "b", bucket.incarnation);
  expect(await commands.script("voidBucket", createdKeys, [bucket.incarnation])).toBe(1);
  // By others, before its creator has asked.
  expect(await storage.deleteBucket("b", call)).toBe(true);
  expect(await commands.script("voidBucket", createdKeys, [bucket.incarnation])).toBe(1);
});

test("T2: one bucket that cannot be looked after does not keep others from it, nor do very many", async () => {
  const redis = await server();
  const storage = await storageAt(redis.url);
  const { bucket } = await storage.createBucket(normalizeConfig({ bucket: "b", limitMarkerTtl: 60_000 }), call);
  await bucket.commit([[{ op: "put", key: "a", value: "x", expect: undefined, ttl: 1 }]], call);
  const broken = Array.from({ length: 40 }, (_, index) => `a${index} lost`);
  await redisCommand(redis, "ZADD", "revkv:{.}:expiring", ...broken.flatMap((item) => ["0", item]));
  await redisCommand(redis, "SET", "revkv:{a0}:lost:heads", "not ours");
  const newest = async (): Promise<number> => {
    await expect(storage.sweep(500, call)).rejects.toThrow("WRONGTYPE");
    return Number.parseInt(await redisCommand(redis, "XREVRANGE", `revkv:{b}:${bucket.incarnation}:log`, "+", "-"), 10);
  };
  await expect.poll(newest, { interval: 5 }).toBe(2);
  expect(await redisCommand(redis, "ZCARD", "revkv:{.}:expiring")).toBe("2");
  const many = Array.from({ length: 9000 }, (_, index) => `c${index} lost`);
  for (let from = 0; from < many.length; from += 1000) {
    const some = many.slice(from, from + 1000).flatMap((item) => ["0", item]);
    await redisCommand(redis, "ZADD", "revkv:{.}:expiring", ...some);
  }
  await expect(storage.sweep(500, call)).rejects.toThrow("WRONGTYPE");
  expect(await redisCommand(redis, "ZCARD", "revkv:{.}:expiring")).toBe("2");
});

/** How long connections are cut, in seconds. */
const chaosSeconds = Number(process.env["REVKV_CHAOS_SECONDS"] ?? 4);

test("M10: with connections cut at random every call on buckets is carried out, and none twice", {
  timeout: (chaosSeconds + 120) * 1000,
}, async () => {
  const redis = await server();
  const network = await proxy(redis);
  const managers = await Promise.all([1, 2, 3].map(() => open({ url: url(network.port), timeout: 20_000 })));
  const stop = performance.now() + chaosSeconds * 1000;
  let rounds = 0;
  const working = managers.map(async (manager, index) => {
    for (let round = 0; performance.now() < stop; round += 1) {
      const bucket = `${index}_${round % 3}`;
      const kv = await manager.createKeyValue({ bucket, description: `${round}` });
      const { incarnation } = await kv.status();
      await manager.updateKeyValue({ bucket, description: "new", history: 2 });
      expect(await kv.delete("a")).toBe(1);
      expect(await kv.purgeDeletes({ olderThan: 0 })).toBe(1);
      expect(await kv.status()).toMatchObject({ incarnation, config: { description: "new" }, history: 2, values: 0 });
      await manager.deleteKeyValue(bucket);
      await expect(manager.keyValue(bucket)).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
      rounds += 1;
    }
  });
  while (performance.now() < stop) {
    await delay(20 + Math.random() * 100);
    network.hold(Math.random() < 0.5 ? "to-client" : "to-server");
    await delay(Math.random() * 20);
    network.cut();
    network.release();
  }
  await Promise.all(working);
  expect(rounds).toBeGreaterThan(0);
  const names: string[] = [];
  for await (const name of (await open(redis.url)).keyValueStoreNames()) names.push(name);
  expect(names).toEqual([]);
  expect(await redisCommand(redis, "ZCARD", "revkv:{.}:buckets")).toBe("0");
});
