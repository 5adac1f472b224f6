export { connect, ddl, type PostgresOptions, type PostgresPoolOptions, type PostgresUrlOptions } from "./connect.ts";
export type { PostgresKeyValue, TransactionKeyValue } from "./postgres-key-value.ts";
export type { PostgresManager } from "./postgres-manager.ts";
export type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "./postgres-pool.ts";
export type { TransactionClient } from "./transaction-session.ts";
