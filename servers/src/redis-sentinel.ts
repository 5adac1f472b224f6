import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startGroup } from "./group.ts";
import { reservePort } from "./port.ts";
import type { RedisServer, RedisSettings } from "./redis.ts";
import { redisCommand, startRedis } from "./redis.ts";
import type { TestServer } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import { needTool } from "./tool.ts";
import { until } from "./until.ts";

export interface RedisSentinel extends AsyncDisposable {
  /** The name that clients ask the sentinels for. */
  readonly masterName: string;
  /** The master of the beginning, until a failover. */
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Three, of which two have to agree that the master is down: for one second. */
  readonly sentinels: readonly TestServer[];
}

const masterName = "revkv";

/** Starts a master, its replica and three sentinels. Resolves when all of them know each other. */
export async function startRedisSentinel(settings: RedisSettings = {}): Promise<RedisSentinel> {
  const master = await startRedis(settings);
  const data = await startGroup([Promise.resolve(master), startReplica(master, settings)], async ([, replica]) => {
    if (replica === undefined) return;
    await until("a replica that is up to date", async () => {
      const info = await redisCommand(replica, "INFO", "replication");
      return info.includes("master_link_status:up");
    });
  });
  try {
    const watching = await startGroup(
      Array.from({ length: 3 }, () => startOne(master)),
      async (sentinels) => {
        await Promise.all(sentinels.map((each) => until("a sentinel that knows all", () => knowsAll(each))));
      },
    );
    const [, replica] = data.nodes as [RedisServer, RedisServer];
    return {
      masterName,
      master,
      replica,
      sentinels: watching.nodes,
      [Symbol.asyncDispose]: async () => {
        await watching[Symbol.asyncDispose]();
        await data[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await data[Symbol.asyncDispose]();
    throw error;
  }
}

/** The copy begins at once instead of waiting for further replicas. */
async function startReplica(master: RedisServer, settings: RedisSettings): Promise<RedisServer> {
  await redisCommand(master, "CONFIG", "SET", "repl-diskless-sync-delay", "0");
  return await startRedis({ ...settings, replicaof: `127.0.0.1 ${master.port}` });
}

async function startOne(master: RedisServer): Promise<TestServer> {
  const program = needTool("redis-server");
  const reserved = await reservePort();
  return await startServer({
    name: "redis-sentinel",
    ports: [reserved],
    ready: /\+monitor master/,
    stopSignal: "SIGTERM",
    command: async (directory) => {
      // It writes what it learns into this file.
      const file = join(directory, "sentinel.conf");
      await writeFile(
        file,
        [
          `port ${reserved.port}`,
          "bind 127.0.0.1",
          `dir ${directory}`,
          `sentinel monitor ${masterName} 127.0.0.1 ${master.port} 2`,
          `sentinel down-after-milliseconds ${masterName} 1000`,
          `sentinel failover-timeout ${masterName} 5000`,
          "",
        ].join("\n"),
      );
      return [program, file, "--sentinel"];
    },
  });
}

async function knowsAll(sentinel: TestServer): Promise<boolean> {
  const lines = (await redisCommand(sentinel, "SENTINEL", "MASTER", masterName)).split("\n");
  const value = (name: string): string | undefined => lines[lines.indexOf(name) + 1];
  return value("flags") === "master" && value("num-slaves") === "1" && value("num-other-sentinels") === "2";
}
