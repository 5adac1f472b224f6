import pg from "pg";
import type { PostgresClient, PostgresQuery, PostgresResult } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const [connectionString, bucket, key] = process.argv.slice(2).map((arg) => JSON.parse(arg) as string);

/** A pool whose process ends when a change is about to be announced: between the commit and the notification. */
const pool = new pg.Pool({ connectionString });
const manager = await connect({
  pool: {
    connect: async (): Promise<PostgresClient> => {
      const client = await pool.connect();
      const query = (given: PostgresQuery): Promise<PostgresResult> => {
        if (given.text.includes("pg_notify")) process.kill(process.pid, "SIGKILL");
        return client.query(given);
      };
      return {
        query,
        on: (event, listener) => client.on(event, listener),
        release: (destroy) => client.release(destroy),
      };
    },
  },
});
const kv = await manager.keyValue(bucket ?? "");
await kv.put(key ?? "", "the last words");
