import { EventEmitter } from "node:events";
import { startRedisCluster } from "@revkv/servers/redis-cluster";
import { expect, onTestFinished, test, vi } from "vitest";
import { endWhenFrozen } from "../src/frozen-server.ts";
import type { RedisNode } from "../src/redis-client.ts";
import { makeClient } from "../src/safe-client.ts";
import { later, proxy, server } from "./open.ts";

test("E3: a connection on which nothing is answered any more is given up, with the commands that wait", async () => {
  const network = await proxy(await server());
  const client = makeClient({ url: `redis://127.0.0.1:${network.port}` }, 500);
  later(() => client.disconnect());
  await client.connect();
  expect(String(await client.callBuffer("ping"))).toBe("PONG");
  network.hold("to-client");
  await expect(client.callBuffer("ping")).rejects.toThrow("max retries");
  network.release();
  await expect.poll(() => client.status).toBe("ready");
  expect(String(await client.callBuffer("ping"))).toBe("PONG");
});

test("E3: so is that to a frozen server of a Cluster", async () => {
  const cluster = await startRedisCluster();
  later(() => cluster[Symbol.asyncDispose]());
  const client = makeClient({ cluster: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`) }, 500);
  later(() => client.disconnect());
  await client.connect();
  const read = (): Promise<unknown> => client.callBuffer("get", "a");
  expect(await read()).toBeNull();
  await Promise.all(cluster.nodes.map((node) => node.pause()));
  await expect(read()).rejects.toThrow();
  await Promise.all(cluster.nodes.map((node) => node.resume()));
  await expect.poll(() => read().catch(() => undefined)).toBeNull();
});

test("E3: one on which nothing is asked, or now and then something arrives, is not", () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const ended: string[] = [];
  const stream = Object.assign(new EventEmitter(), {
    bytesRead: 0,
    destroy: (error: Error) => ended.push(error.message),
  });
  const client = Object.assign(new EventEmitter(), { stream, commandQueue: { length: 0 } });
  endWhenFrozen(client as unknown as RedisNode, 1000);
  client.emit("connect");
  vi.advanceTimersByTime(10_000);
  client.commandQueue.length = 1;
  for (let count = 0; count < 10; count += 1) {
    vi.advanceTimersByTime(900);
    stream.bytesRead += 1;
  }
  vi.advanceTimersByTime(1000);
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(250);
  expect(ended).toEqual(["the server did not answer for 1000 ms"]);
  stream.emit("close");
  expect(vi.getTimerCount()).toBe(0);
});
