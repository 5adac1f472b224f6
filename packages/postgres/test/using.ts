import type { KeyValueConfig } from "@revkv/api";
import type pg from "pg";
import type { PostgresKeyValue } from "../src/index.ts";
import { execute, freshSchema } from "./harness.ts";
import { emptyDatabase, later, open, poolOf } from "./open.ts";

/** A bucket, and what an application has beside it. */
export interface Setting {
  readonly url: string;
  readonly schema: string;
  /** The application's pool. */
  readonly pool: pg.Pool;
  readonly kv: PostgresKeyValue;
  /** The same bucket by another manager. */
  readonly other: PostgresKeyValue;
}

export async function setUp({
  timeout = 5000,
  ...config
}: Partial<KeyValueConfig> & { timeout?: number } = {}): Promise<Setting> {
  const url = await emptyDatabase();
  await execute(url, "CREATE TABLE invoice (id text)");
  const schema = freshSchema();
  const pool = poolOf(url);
  const manager = await open({ pool, schema, timeout });
  const kv = await manager.createKeyValue({ bucket: "b", history: 5, ...config });
  const other = await (await open({ connectionString: url, schema, timeout })).keyValue("b");
  return { url, schema, pool, kv, other };
}

/** A client between BEGIN and whatever the test does. */
export async function begin(pool: pg.Pool, level = "READ COMMITTED"): Promise<pg.PoolClient> {
  const client = await pool.connect();
  later(() => client.release());
  await client.query(`BEGIN ISOLATION LEVEL ${level}`);
  return client;
}
