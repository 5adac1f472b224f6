import type { KeyValueConfig } from "@revkv/api";
import type pg from "pg";
import type { PostgresKeyValue } from "../src/index.ts";
import { execute, freshSchema } from "./harness.ts";
import { emptyDatabase, later, open, poolOf } from "./open.ts";
import { patient } from "./patient.ts";

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
  timeout = patient,
  ...config
}: Partial<KeyValueConfig> & { timeout?: number } = {}): Promise<Setting> {
  const url = await emptyDatabase();
  await execute(url, "CREATE TABLE invoice (id text)");
  const schema = freshSchema();
  const pool = poolOf(url);
  const creator = await open({ connectionString: url, schema });
  await creator.createKeyValue({ bucket: "b", history: 5, ...config });
  await creator.close();
  const place = { url, schema, pool };
  return { ...place, ...(await sameBucket(place, timeout)) };
}

/** The bucket by two more managers, whose calls have so many milliseconds. */
export async function sameBucket(
  { url, schema, pool }: Pick<Setting, "url" | "schema" | "pool">,
  timeout: number,
): Promise<Pick<Setting, "kv" | "other">> {
  const kv = await (await open({ pool, schema, timeout })).keyValue("b");
  const other = await (await open({ connectionString: url, schema, timeout })).keyValue("b");
  return { kv, other };
}

/** A client between BEGIN and whatever the test does. */
export async function begin(pool: pg.Pool, level = "READ COMMITTED"): Promise<pg.PoolClient> {
  const client = await pool.connect();
  later(() => client.release());
  await client.query(`BEGIN ISOLATION LEVEL ${level}`);
  return client;
}
