export {
  connect,
  type RedisClientLike,
  type RedisClientOptions,
  type RedisClusterOptions,
  type RedisConnectOptions,
  type RedisSentinelOptions,
  type RedisUrlOptions,
} from "./connect.ts";
