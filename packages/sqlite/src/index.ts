export type { BetterSqlite3Database, BetterSqlite3Statement } from "./better-sqlite3-driver.ts";
export { connect, type SqliteDatabaseOptions, type SqliteFileOptions } from "./connect.ts";
export type { DriverName } from "./driver.ts";
