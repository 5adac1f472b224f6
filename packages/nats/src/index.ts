export { connect, type NatsConnectionOptions, type NatsConnectOptions, type NatsServersOptions } from "./connect.ts";
export type { NatsKeyValue, NatsManager } from "./nats-manager.ts";
export type { NatsKeyValueStatus } from "./status.ts";
export type { NatsKeyValueConfig, NatsSettings, NormalizedSettings } from "./stream-config.ts";
export type { Placement } from "./wire.ts";
