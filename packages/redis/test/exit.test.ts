import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startRedisCluster } from "@revkv/servers/redis-cluster";
import { startRedisSentinel } from "@revkv/servers/redis-sentinel";
import { expect, test } from "vitest";
import type { RedisConnectOptions } from "../src/index.ts";
import { sharedCluster, sharedServer } from "./harness.ts";
import { later, server } from "./open.ts";

const program = (name: string): string => fileURLToPath(new URL(`./children/${name}.ts`, import.meta.url));
const script = program("leave-watching");

for (const [name, reach] of Object.entries({ server: sharedServer, Cluster: sharedCluster })) {
  test(`W9: a process with nothing else to do exits, though it has left its ${name} connected`, async () => {
    const options: RedisConnectOptions = await reach();
    const command = ["--conditions=@revkv/source", script, JSON.stringify(options)];
    const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 20_000 });
    expect(stdout).toBe("left");
  });
}

test("W9: no timer keeps a process running that a server has refused", async () => {
  const options = JSON.stringify({ url: "redis://127.0.0.1:1" });
  const command = ["--conditions=@revkv/source", program("leave-refused"), options];
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 20_000 });
  expect(stdout).toBe("refused 0");
});

interface Leaving {
  readonly options: RedisConnectOptions;
  /** Ends all that the process is connected to, or could be. */
  readonly end: () => Promise<unknown>;
}

const ways: Readonly<Record<string, () => Promise<Leaving>>> = {
  server: async () => {
    const redis = await server();
    return { options: { url: redis.url }, end: () => redis.stop() };
  },
  sentinels: async () => {
    const { master, replica, sentinels, masterName, ...group } = await startRedisSentinel({ appendonly: "no" });
    later(() => group[Symbol.asyncDispose]());
    const nodes = sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
    const end = (): Promise<unknown> => Promise.all([...sentinels, master, replica].map((node) => node.stop()));
    return { options: { sentinels: nodes, name: masterName }, end };
  },
  Cluster: async () => {
    const { nodes, ...group } = await startRedisCluster({ appendonly: "no" });
    later(() => group[Symbol.asyncDispose]());
    const cluster = nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    return { options: { cluster }, end: () => Promise.all(nodes.map((node) => node.stop())) };
  },
};

for (const [name, start] of Object.entries(ways)) {
  test(`W9: a process with nothing else to do exits, though its ${name} can no longer be reached, its manager open or closed`, async () => {
    const { options, end } = await start();
    const command = [
      "--conditions=@revkv/source",
      program("leave-unreachable"),
      JSON.stringify({ ...options, timeout: 3000 }),
    ];
    const children = ["leave", "leave-late", "close"].map((how) => {
      const child = spawn(process.execPath, [...command, how], { stdio: ["pipe", "pipe", "inherit"] });
      later(() => child.kill("SIGKILL"));
      return child;
    });
    const exits = children.map((child) => once(child, "exit"));
    await Promise.all(children.map((child, index) => Promise.race([once(child.stdout, "data"), exits[index]])));
    await end();
    for (const child of children) child.stdin.end();
    expect(await Promise.all(exits)).toEqual(children.map(() => [0, null]));
  });
}
