import type { CallOptions, KeyValueConfig, KeyValueManager } from "@revkv/api";
import type { PostgresKeyValue } from "./postgres-key-value.ts";

/** A manager whose buckets can be used within the application's own transactions. */
export interface PostgresManager extends KeyValueManager {
  keyValue(bucket: string, options?: CallOptions): Promise<PostgresKeyValue>;
  createKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<PostgresKeyValue>;
  updateKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<PostgresKeyValue>;
  createOrUpdateKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<PostgresKeyValue>;
}
