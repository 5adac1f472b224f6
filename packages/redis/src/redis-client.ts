/** Text, or bytes. */
export type Argument = string | Buffer;

/** What is needed of a connection of `ioredis` 5 or 6, or of its `Cluster`. */
export interface RedisClient {
  readonly status: string;
  readonly options: object;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  callBuffer(command: string, ...args: Argument[]): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** A connection to one server, or to the one that Sentinel names. */
export interface RedisNode extends RedisClient {
  duplicate(override?: object): RedisNode;
}

/** A Cluster of servers. */
export interface RedisCluster extends RedisClient {
  readonly isCluster: true;
  /** The nodes of each slot, as `host:port`, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: "master"): RedisNode[];
  duplicate(startupNodes?: never[], override?: object): RedisCluster;
}

/** Either of them. */
export type AnyRedis = RedisNode | RedisCluster;

/** Tells a Cluster from a single connection. */
export function isCluster(client: AnyRedis): client is RedisCluster {
  return "isCluster" in client && client.isCluster === true;
}
