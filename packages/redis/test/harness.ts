import { randomBytes } from "node:crypto";
import type { ManagerOptions } from "@revkv/api";
import { embeddedCapabilities } from "@revkv/api/adapter";
import type { Harness } from "@revkv/conformance";
import { startRedis, testRedis } from "@revkv/servers/redis";
import { startRedisCluster } from "@revkv/servers/redis-cluster";
import { Redis as Redis5 } from "ioredis5";
import type { RedisConnectOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";

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
        open: (more?: ManagerOptions) => connect({ ...options, ...more }),
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
