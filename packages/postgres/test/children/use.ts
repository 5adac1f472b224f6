/** Writes within a transaction and leaves everything open that may be left open. */
import pg from "pg";
import { connect } from "../../src/index.ts";

const [connectionString, schema] = process.argv.slice(2).map((arg) => JSON.parse(arg) as string);
const pool = new pg.Pool({ connectionString: connectionString ?? "", allowExitOnIdle: true });
const manager = await connect({ pool, schema });
const kv = await manager.keyValue("b");
const client = await pool.connect();
await client.query("BEGIN");
const revision = await kv.using(client).put("a", "1");
await client.query("COMMIT");
client.release();
process.stdout.write(String(revision));
