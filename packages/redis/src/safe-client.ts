import type { ClusterOptions, RedisOptions } from "ioredis";
import { Cluster, Redis } from "ioredis";
import type { RedisConnectOptions } from "./connect.ts";
import { endWhenFrozen } from "./frozen-server.ts";
import type { AnyRedis, RedisCluster, RedisNode } from "./redis-client.ts";
import { isCluster } from "./redis-client.ts";

/** The longest pause between two attempts to connect, in milliseconds. */
const longestPause = 1000;

/**
 * What keeps a command from being sent twice: by default ioredis sends what was not answered again after it has
 * reconnected, and a put would be carried out twice (rule M10).
 */
const sentOnce = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false } as const;

/** What makes replies look the same whatever the protocol, and whatever the application prefers. */
const plainReplies = { replyMapping: "legacy", stringNumbers: false } as const;

/**
 * How long a connection that is being closed may keep the process running, in milliseconds; `ioredis` waits that long
 * even for one that was refused. It is shorter than the pauses between attempts come to be, so that there are moments in
 * which nothing does (rule W9).
 */
const disconnectTimeout = longestPause / 2;

/** How long a command may take, the call that makes it decides; a read that waits for changes takes long. */
const untimed = { commandTimeout: undefined, blockingTimeout: undefined, socketTimeout: undefined } as const;

type OwnOptions = RedisOptions & { readonly replyMapping: "legacy"; readonly disconnectTimeout: number };

/**
 * How long the pause is after no sentinel has answered, in milliseconds. `ioredis` keeps the process running while it
 * waits by itself, and for 2 seconds after each that has refused (rule W9).
 */
const sentinelPause = 3000;

function nodeOptions(timeout: number): OwnOptions {
  return {
    ...sentOnce,
    ...plainReplies,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    lazyConnect: true,
    connectTimeout: timeout,
    disconnectTimeout,
    ...untimed,
    // Ends the connection, with an error that `lookAgain` listens to.
    sentinelRetryStrategy: () => null,
    retryStrategy: (attempt) => Math.min(20 * 2 ** attempt, longestPause),
    // A server that was made a replica: whoever is the master now is to be asked for.
    reconnectOnError: (error) => error.message.includes("READONLY"),
  };
}

/** `given` is what the nodes are connected to with otherwise. */
function clusterOptions(
  timeout: number,
  given: RedisOptions | undefined,
): ClusterOptions & { readonly redisOptions: OwnOptions } {
  return {
    redisOptions: {
      ...given,
      ...sentOnce,
      ...plainReplies,
      connectTimeout: timeout,
      disconnectTimeout,
      ...untimed,
    } as OwnOptions,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    lazyConnect: true,
    scaleReads: "master",
    // The same for a Cluster: it would send again what was lost with a node's connection.
    retryDelayOnFailover: 0,
    clusterRetryStrategy: (attempt) => Math.min(20 * 2 ** attempt, longestPause),
  };
}

/** Makes a client of our own, not yet connected, whose commands are never sent twice. */
export function makeClient(options: RedisConnectOptions, timeout: number): AnyRedis {
  const client = unguarded(options, timeout);
  // Nor does waiting to connect again keep one alive.
  client.on("reconnecting", () => {
    (client as { reconnectTimeout?: { unref?(): void } | null }).reconnectTimeout?.unref?.();
  });
  // What was lost, its commands tell.
  client.on("error", () => undefined);
  client.on("node error", () => undefined);
  client.on("error", (error: Error) => {
    if (error.message.startsWith("All sentinels are unreachable")) lookAgain(client);
  });
  client.on("+node", (node: RedisNode) => endWhenFrozen(leavable(node), timeout));
  if (!isCluster(client)) endWhenFrozen(leavable(client), timeout);
  return client;
}

/** Asks the sentinels again after a while, unless the client was closed by then. */
function lookAgain(client: AnyRedis): void {
  setTimeout(() => {
    if ((client as { manuallyClosing?: boolean }).manuallyClosing) return;
    client.connect().catch(() => undefined);
  }, sentinelPause).unref();
}

function unguarded(options: RedisConnectOptions, timeout: number): AnyRedis {
  if ("client" in options) {
    const given = options.client as AnyRedis;
    if (!isCluster(given)) return given.duplicate(nodeOptions(timeout));
    // ioredis 5 would take these instead of the application's, password and TLS included, not beside them.
    return given.duplicate([], clusterOptions(timeout, (given.options as ClusterOptions).redisOptions));
  }
  const own = { ...options.options, ...nodeOptions(timeout) } as OwnOptions;
  if ("url" in options) return new Redis(options.url, own) as unknown as RedisNode;
  if ("sentinels" in options) {
    const { name, sentinels } = options;
    return new Redis({ ...own, name, sentinels: [...sentinels] }) as unknown as RedisNode;
  }
  return new Cluster([...options.cluster], clusterOptions(timeout, options.options)) as unknown as RedisCluster;
}

/** A connection like another one, not yet connected, that ends when it is lost. */
export function lastingOnce(node: RedisNode, timeout: number): RedisNode {
  const connection = node.duplicate({ ...nodeOptions(timeout), retryStrategy: () => null });
  connection.on("error", () => undefined);
  return leavable(connection);
}

/** A connection that keeps no process alive: whoever waits for an answer or a change does (rule W9). */
function leavable<Client extends RedisNode>(client: Client): Client {
  client.on("connect", () => {
    (client as { stream?: { unref?(): void } }).stream?.unref?.();
  });
  // To end one that is closed already, ioredis would wait for it to close until `disconnectTimeout`.
  client.on("close", () => {
    const { connector } = client as { readonly connector?: { stream?: { readonly destroyed: boolean } | undefined } };
    if (connector?.stream?.destroyed) connector.stream = undefined;
  });
  return client;
}
