import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startNats } from "@revkv/servers/nats";
import { startRedis } from "@revkv/servers/redis";
import { startRedisCluster } from "@revkv/servers/redis-cluster";
import { startRedisSentinel } from "@revkv/servers/redis-sentinel";
import { startRedisTls } from "@revkv/servers/redis-tls";
import { needTool } from "@revkv/servers/tool";
import type { CodeBlock } from "./code-blocks.ts";

/** Servers for the blocks of one file. */
export interface PageServers extends AsyncDisposable {
  /** Where programs find them. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The variables that a block may name; what it names is started. */
const starters: Readonly<Record<string, () => Promise<PageServers>>> = {
  REDIS_URL: async () => {
    const server = await startRedis();
    return { ...server, environment: { REDIS_URL: server.url } };
  },
  NATS_URL: async () => {
    const server = await startNats();
    return { ...server, environment: { NATS_URL: server.url } };
  },
  REDIS_NODES: async () => {
    const cluster = await startRedisCluster();
    return { ...cluster, environment: { REDIS_NODES: addressesOf(cluster.nodes) } };
  },
  REDIS_SENTINELS: async () => {
    const group = await startRedisSentinel();
    return { ...group, environment: { REDIS_SENTINELS: addressesOf(group.sentinels) } };
  },
  REDIS_TLS_URL: async () => {
    const server = await startRedisTls();
    return { ...server, environment: { REDIS_TLS_URL: server.url, REDIS_CA_FILE: server.certificate } };
  },
};

function addressesOf(servers: readonly { readonly port: number }[]): string {
  return servers.map(({ port }) => `127.0.0.1:${port}`).join(",");
}

function named({ language, marker, text }: CodeBlock): string[] {
  if (marker !== undefined || !/^(ts|sh)$/.test(language)) return [];
  return Object.keys(starters).filter((name) => new RegExp(`\\b${name}\\b`).test(text));
}

/** Tells whether a block finds a server: it names one. */
export function needsServer(block: CodeBlock): boolean {
  return named(block).length > 0;
}

/** Starts what the blocks of a file name. */
export async function openPageServers(blocks: readonly CodeBlock[]): Promise<PageServers> {
  const names = [...new Set(blocks.flatMap(named))];
  const started = await Promise.all(names.map((name) => (starters[name] as () => Promise<PageServers>)()));
  return {
    environment: Object.assign({}, ...started.map(({ environment }) => environment)),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

/** Puts a `redis-cli` into a folder that fails when the server answers with an error, as that of the system does not. */
export async function writeRedisCli(folder: string): Promise<void> {
  const file = join(folder, "redis-cli");
  await writeFile(file, `#!/bin/sh\nexec '${needTool("redis-cli", "redis-tools")}' -e "$@"\n`);
  await chmod(file, 0o755);
}
