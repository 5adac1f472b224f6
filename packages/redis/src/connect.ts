import type { KeyValueManager, ManagerOptions } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { checkManagerOptions } from "@revkv/api/adapter";
import type { RedisOptions } from "ioredis";
import { openManager } from "./open-manager.ts";

/** What can be chosen, however the server is reached. */
interface CommonOptions extends ManagerOptions {
  /** What the names of all keys begin with; default `"revkv"`. Prefixes are independent of each other. */
  readonly prefix?: string | undefined;
}

interface OwnConnections extends CommonOptions {
  /**
   * Options of `ioredis` for the connections that revkv opens, such as `username`, `password` and `tls`. Those that decide
   * what becomes of a command whose connection is lost are set by revkv (rule M10); `keyPrefix` is refused.
   */
  readonly options?: RedisOptions | undefined;
}

/**
 * One server.
 *
 * @example
 * ```ts
 * import { connect } from "@revkv/redis";
 *
 * const manager = await connect({ url: process.env["REDIS_URL"] ?? "", prefix: "shop", timeout: 2000 });
 * console.log(manager.backingStore); // redis
 * await manager.close();
 * ```
 */
export interface RedisUrlOptions extends OwnConnections {
  /** Where it is: `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url: string;
}

/**
 * A server that Sentinel watches over. It is asked for again whenever a connection is lost, or the server has become a
 * replica.
 *
 * @example
 * ```ts no-run
 * import { connect } from "@revkv/redis";
 *
 * const sentinels = [{ host: "sentinel-1", port: 26_379 }];
 * const manager = await connect({ sentinels, name: "mymaster", options: { password: "secret" } });
 * ```
 */
export interface RedisSentinelOptions extends OwnConnections {
  /** Some of the sentinels, which tell of the others. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** What the sentinels call it. */
  readonly name: string;
}

/**
 * A Redis Cluster. Each bucket is on one of its nodes.
 *
 * @example
 * ```ts no-run
 * import { connect } from "@revkv/redis";
 *
 * const manager = await connect({ cluster: ["node-1:6379", { host: "node-2", port: 6379 }] });
 * ```
 */
export interface RedisClusterOptions extends OwnConnections {
  /** Some of its nodes, which tell of the others. */
  readonly cluster: readonly (string | { readonly host: string; readonly port: number })[];
}

/**
 * A server or Cluster that the application is connected to.
 *
 * @example
 * ```ts
 * import { connect } from "@revkv/redis";
 * import { Redis } from "ioredis";
 *
 * const client = new Redis(process.env["REDIS_URL"] ?? "");
 * const manager = await connect({ client });
 * await manager.close();
 * console.log(await client.ping()); // PONG
 * client.disconnect();
 * ```
 */
export interface RedisClientOptions extends CommonOptions {
  /**
   * A `Redis` or `Cluster` of `ioredis` 5 or 6. It stays the application's: revkv opens connections of its own with the
   * same options, but for those that would let a write be sent twice.
   */
  readonly client: RedisClientLike;
}

/** What is needed of the application's client; those of `ioredis` have it. */
export interface RedisClientLike {
  readonly options: object;
  readonly status: string;
  duplicate(...args: never[]): unknown;
  callBuffer(command: string, ...args: never[]): Promise<unknown>;
}

/** How a server is reached: in one of four ways. */
export type RedisConnectOptions = RedisUrlOptions | RedisSentinelOptions | RedisClusterOptions | RedisClientOptions;

const commonOptions = ["prefix", "timeout", "onEvent"];
const waysToReach = {
  url: ["url", "options"],
  client: ["client"],
  sentinels: ["sentinels", "name", "options"],
  cluster: ["cluster", "options"],
} as const;

/**
 * Opens the buckets under a prefix of a Redis server (6.2 or newer), one that Sentinel watches over, or a Cluster.
 *
 * @throws `INVALID_ARGUMENT` for an unknown or wrong option; `INCOMPATIBLE_STORAGE` for a server that is too old, whose
 * `maxmemory-policy` throws keys away, or that is a node of a Cluster and not reached as one; `READ_ONLY` for a replica;
 * `PERMISSION_DENIED`, `UNAVAILABLE`, `TIMEOUT`
 *
 * @example
 * ```ts
 * import { connect } from "@revkv/redis";
 *
 * const manager = await connect(process.env["REDIS_URL"] ?? ""); // redis://127.0.0.1:6379
 * const zones = await manager.createOrUpdateKeyValue({ bucket: "zones", history: 5 });
 * const revision = await zones.put("Europe.Paris", "+01:00");
 * await zones.update("Europe.Paris", "+02:00", revision);
 * console.log((await zones.get("Europe.Paris"))?.string()); // +02:00
 * await manager.close();
 * ```
 */
export async function connect(options: string | RedisConnectOptions): Promise<KeyValueManager> {
  const given = typeof options === "string" ? { url: options } : options;
  checkOptions(given);
  return openManager(given);
}

function checkOptions(options: unknown): asserts options is RedisConnectOptions {
  if (typeof options !== "object" || options === null) throw invalid('options are an object or "redis://…"');
  const given = options as Readonly<Record<string, unknown>>;
  const ways = Object.keys(waysToReach).filter((name) => name in given) as (keyof typeof waysToReach)[];
  const [way] = ways;
  if (way === undefined || ways.length > 1) throw invalid("one of url, client, sentinels and cluster is needed");
  const known: readonly string[] = [...waysToReach[way], ...commonOptions];
  const stranger = Object.keys(given).find((option) => !known.includes(option));
  if (stranger !== undefined) throw invalid(`"${stranger}" is no option here; known: ${known.join(", ")}`);
  checkWay(way, given);
  const { prefix } = given;
  if (prefix !== undefined && (typeof prefix !== "string" || !/^[a-zA-Z0-9_:.-]{1,64}$/.test(prefix))) {
    throw invalid('prefix has letters, digits, "_", ":", "." and "-", and is 1 to 64 long');
  }
  if (given["options"] !== undefined && (typeof given["options"] !== "object" || given["options"] === null)) {
    throw invalid("options are those of ioredis");
  }
  checkKeyPrefix(given["options"]);
  checkManagerOptions(options);
}

function checkWay(way: keyof typeof waysToReach, given: Readonly<Record<string, unknown>>): void {
  if (way === "url") {
    if (typeof given["url"] !== "string" || !/^rediss?:\/\//.test(given["url"]) || !URL.canParse(given["url"])) {
      throw invalid('url begins with "redis://" or "rediss://"');
    }
    if (!/^\/?\d*$/.test(new URL(given["url"]).pathname)) throw invalid("the path of url is the number of a database");
  } else if (way === "client") {
    const client = (given["client"] ?? {}) as { readonly duplicate?: unknown; readonly callBuffer?: unknown };
    if (typeof client.duplicate !== "function" || typeof client.callBuffer !== "function") {
      throw invalid("client is a Redis or Cluster of ioredis");
    }
    checkKeyPrefix((given["client"] as { readonly options?: unknown }).options);
  } else {
    const nodes = given[way];
    if (!Array.isArray(nodes) || nodes.length === 0) throw invalid(`${way} is a list of servers`);
    if (way === "sentinels" && typeof given["name"] !== "string") throw invalid("name is what the sentinels call it");
  }
}

/** The client would put it before the names of keys in commands, but not in replies. */
function checkKeyPrefix(options: unknown): void {
  const { keyPrefix } = (options ?? {}) as { readonly keyPrefix?: unknown };
  if (keyPrefix !== undefined && keyPrefix !== "")
    throw invalid("keyPrefix of ioredis cannot be used: there is prefix");
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_ARGUMENT", message);
}
