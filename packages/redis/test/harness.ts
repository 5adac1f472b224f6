import { randomBytes } from "node:crypto";
import type { ManagerOptions } from "@revkv/api";
import { embeddedCapabilities } from "@revkv/api/adapter";
import type { Harness } from "@revkv/conformance";
import { startRedis, testRedis } from "@revkv/servers/redis";
import { startRedisCluster } from "@revkv/servers/redis-cluster";
import { startRedisSentinel } from "@revkv/servers/redis-sentinel";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import type { RedisConnectOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { patient } from "./patient.ts";

const capabilities: Harness["capabilities"] = {
  ...embeddedCapabilities,
  crossProcessWatch: true,
  maxValueBytes: 2 ** 26,
  maxOperations: 250,
};

/** A prefix that no other test has. */
function freshPrefix(): string {
  return `test_${randomBytes(6).toString("hex")}`;
}

const child = new URL("./open-child.ts", import.meta.url).href;

/** Storages that are prefixes of one server; `reach` says how it is connected to, `module` how a child does it. */
export function prefixHarness(
  name: string,
  reach: () => Promise<RedisConnectOptions>,
  inChild: (prefix: string) => Promise<readonly unknown[]> = async (prefix) => [{ ...(await reach()), prefix }],
): Harness {
  let reached: Promise<RedisConnectOptions> | undefined;
  return {
    name,
    capabilities,
    setup: async () => {
      reached ??= reach();
      const prefix = freshPrefix();
      const options = { ...(await reached), prefix };
      return {
        open: (more?: ManagerOptions) => connect({ timeout: patient, ...options, ...more }),
        child: { module: child, args: await inChild(prefix) },
        dispose: async () => {},
      };
    },
  };
}

let shared: Promise<{ readonly url: string }> | undefined;

/** A server for all storages of a test file; it ends with the process. */
export async function sharedServer(): Promise<{ readonly url: string }> {
  shared ??= testRedis();
  const { url } = await shared;
  return { url };
}

let application: Redis5 | undefined;

/** An application's own connection to that server, of ioredis 5. */
export async function sharedIoredis5(): Promise<{ readonly client: Redis5 }> {
  const { url } = await sharedServer();
  application ??= new Redis5(url);
  return { client: application };
}

let cluster: Promise<{ readonly cluster: readonly { readonly host: string; readonly port: number }[] }> | undefined;

/** A Cluster of three for all storages of a test file; it ends with the process. */
export async function sharedCluster(): Promise<{ readonly cluster: readonly { host: string; port: number }[] }> {
  cluster ??= startRedisCluster({ appendonly: "no" }).then(({ nodes }) => ({
    cluster: nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
  }));
  return cluster;
}

let applicationOfCluster: Cluster5 | undefined;

/** An application's own connection to that Cluster, of ioredis 5. */
export async function sharedCluster5(): Promise<{ readonly client: Cluster5 }> {
  const nodes = [...(await sharedCluster()).cluster];
  applicationOfCluster ??= new Cluster5(nodes);
  return { client: applicationOfCluster };
}

let sentinel: Promise<{ sentinels: readonly { host: string; port: number }[]; name: string }> | undefined;

/** A server that sentinels watch over, for all storages of a test file; all of them end with the process. */
export async function sharedSentinel(): Promise<{
  sentinels: readonly { host: string; port: number }[];
  name: string;
}> {
  sentinel ??= startRedisSentinel({ appendonly: "no" }).then(({ sentinels, masterName }) => ({
    sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
    name: masterName,
  }));
  return sentinel;
}

/** What depends on how the server is reached: visibility, watches, transactions, processes, the ends of things. */
export const selection: readonly string[] = ["M8", "M9", "O10", "W7", "W11", "B11", "T7", "E4"];

/** Storages that have a Cluster each, which can be restarted and forgets nothing. */
export const restartableCluster: Harness = {
  name: "Cluster of its own",
  capabilities,
  setup: async () => {
    const group = await startRedisCluster({ appendfsync: "always" });
    const options = { cluster: group.nodes.map(({ port }) => ({ host: "127.0.0.1", port })) };
    return {
      open: (more?: ManagerOptions) => connect({ ...options, ...more }),
      child: { module: child, args: [options] },
      restart: async (whileAway) => {
        await Promise.all(group.nodes.map((node) => node.stop()));
        await whileAway();
        await Promise.all(group.nodes.map((node) => node.restart()));
      },
      dispose: async () => group[Symbol.asyncDispose](),
    };
  },
};

/** Storages that have a server each, which can be restarted and forgets nothing. */
export const restartableHarness: Harness = {
  name: "server of its own",
  capabilities,
  setup: async () => {
    const server = await startRedis({ appendfsync: "always" });
    const options = { url: server.url };
    return {
      open: (more?: ManagerOptions) => connect({ ...options, ...more }),
      child: { module: child, args: [options] },
      restart: async (whileAway) => {
        await server.stop();
        await whileAway();
        await server.restart();
      },
      dispose: async () => server[Symbol.asyncDispose](),
    };
  },
};
