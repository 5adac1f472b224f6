import type { ServerGroup } from "./group.ts";
import { startGroup } from "./group.ts";
import type { ReservedPort } from "./port.ts";
import { reservePort } from "./port.ts";
import type { RedisServer, RedisSettings } from "./redis.ts";
import { redisCommand, startRedisOn } from "./redis.ts";
import { until } from "./until.ts";

const size = 3;
const slots = 16_384;

/** Starts a Redis Cluster: three masters, each with a third of the slots. Resolves when all of them serve. */
export async function startRedisCluster(settings: RedisSettings = {}): Promise<ServerGroup<RedisServer>> {
  const buses = await Promise.all(Array.from({ length: size }, reservePort));
  return await startGroup(
    buses.map((bus) => startNode(bus, settings)),
    async (nodes) => {
      await Promise.all(nodes.map(assignSlots));
      const [first, ...others] = nodes as [RedisServer, ...RedisServer[]];
      const [, ...otherBuses] = buses;
      for (const [index, { port }] of others.entries()) {
        await redisCommand(first, "CLUSTER", "MEET", "127.0.0.1", `${port}`, `${otherBuses[index]?.port}`);
      }
      await Promise.all(nodes.map((node) => until("cluster_state:ok", () => serves(node))));
    },
  );
}

async function startNode(bus: ReservedPort, settings: RedisSettings): Promise<RedisServer> {
  return await startRedisOn([await reservePort(), bus], {
    "cluster-enabled": "yes",
    "cluster-port": bus.port,
    "cluster-node-timeout": 2_000,
    ...settings,
  });
}

async function assignSlots(node: RedisServer, index: number): Promise<void> {
  const first = Math.ceil((index * slots) / size);
  const last = Math.ceil(((index + 1) * slots) / size) - 1;
  await redisCommand(node, "CLUSTER", "ADDSLOTSRANGE", `${first}`, `${last}`);
  // Different from the beginning: otherwise the nodes settle it between themselves, one after the other.
  await redisCommand(node, "CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`);
}

async function serves(node: RedisServer): Promise<boolean> {
  const info = await redisCommand(node, "CLUSTER", "INFO");
  return info.includes("cluster_state:ok") && info.includes(`cluster_size:${size}`);
}
