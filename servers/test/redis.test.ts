import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { RedisServer } from "../src/redis.ts";
import { redisCommand, startRedis, testRedis } from "../src/redis.ts";
import { startRedisCluster } from "../src/redis-cluster.ts";
import { startRedisSentinel } from "../src/redis-sentinel.ts";
import { until } from "../src/until.ts";
import { connected, exchange, received } from "./exchange.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis({ appendfsync: "always" });
});
afterAll(() => server[Symbol.asyncDispose]());

test("it answers, with the settings asked for", async () => {
  expect(await exchange(server.port, "PING\r\n", /\r\n/)).toBe("+PONG\r\n");
  expect(await redisCommand(server, "CONFIG", "GET", "appendfsync")).toBe("appendfsync\nalways");
});

test("it keeps its data over a restart and over a kill", async () => {
  await redisCommand(server, "SET", "k", "v");
  await server.restart();
  expect(await redisCommand(server, "GET", "k")).toBe("v");
  await redisCommand(server, "SET", "k", "w");
  await server.kill();
  await expect(connected(server.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await server.restart();
  expect(await redisCommand(server, "GET", "k")).toBe("w");
});

test("while it is paused it does not answer; afterwards it does", async () => {
  const socket = await connected(server.port);
  onTestFinished(() => void socket.destroy());
  await server.pause();
  let isAnswered = false;
  const answer = received(socket, /\r\n/).then((text) => {
    isAnswered = true;
    return text;
  });
  socket.write("PING\r\n");
  // A second server in the meantime: more time than an answer takes.
  const other = await startRedis();
  await other[Symbol.asyncDispose]();
  expect(isAnswered).toBe(false);
  await server.resume();
  expect(await answer).toBe("+PONG\r\n");
});

test("tests use the server that the environment names", async () => {
  vi.stubEnv("REVKV_TEST_REDIS_URL", server.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  const shared = await testRedis();
  expect(shared.url).toBe(server.url);
  await shared[Symbol.asyncDispose]();
  expect(await redisCommand(server, "PING")).toBe("PONG");
});

test("without one they get their own", async () => {
  vi.stubEnv("REVKV_TEST_REDIS_URL", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const shared = await testRedis();
  onTestFinished(() => shared[Symbol.asyncDispose]());
  expect(await redisCommand({ port: Number(new URL(shared.url).port) }, "PING")).toBe("PONG");
});

test("a cluster serves every key on one of three masters, also after a node was killed", async () => {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const set = async (key: string): Promise<number> => {
    const results = await Promise.allSettled(cluster.nodes.map((node) => redisCommand(node, "SET", key, "v")));
    return results.filter(({ status }) => status === "fulfilled").length;
  };
  const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  expect(await Promise.all(keys.map(set))).toEqual(keys.map(() => 1));
  const [node] = cluster.nodes as [RedisServer];
  await node.kill();
  await node.restart();
  await until("cluster_state:ok", async () => {
    return (await redisCommand(node, "CLUSTER", "INFO")).includes("cluster_state:ok");
  });
  expect(await Promise.all(keys.map(set))).toEqual(keys.map(() => 1));
});

test("sentinels make the replica the master when the master is gone", async () => {
  const { masterName, master, replica, sentinels, ...group } = await startRedisSentinel();
  onTestFinished(() => group[Symbol.asyncDispose]());
  await redisCommand(master, "SET", "k", "v");
  const addresses = (): Promise<string[]> =>
    Promise.all(sentinels.map((each) => redisCommand(each, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)));
  expect(new Set(await addresses())).toEqual(new Set([`127.0.0.1\n${master.port}`]));
  await redisCommand(master, "WAIT", "1", "0");
  await master.kill();
  await until("a failover", async () => (await addresses()).every((text) => text === `127.0.0.1\n${replica.port}`));
  await until("a new master", async () => (await redisCommand(replica, "ROLE")).startsWith("master"));
  expect(await redisCommand(replica, "GET", "k")).toBe("v");
});
