import { drizzle } from "drizzle-orm/node-postgres";
import { sql } from "drizzle-orm/sql";
import { CompiledQuery, Kysely, PostgresDialect } from "kysely";
import type pg from "pg";
import type { TransactionClient } from "../src/index.ts";

/** Does something in a transaction, which is rolled back when that throws. */
type Transact = (pool: pg.Pool, work: (client: TransactionClient) => Promise<void>) => Promise<void>;

/** Ways to open a transaction, as applications do it, and the client that `using` takes there. */
export const executors: Readonly<Record<string, Transact>> = {
  pg: async (pool, work) => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await work(client);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  },

  kysely: (pool, work) =>
    new Kysely({ dialect: new PostgresDialect({ pool }) })
      .transaction()
      .execute((trx) => work({ query: (text, values) => trx.executeQuery(CompiledQuery.raw(text, values)) })),

  drizzle: (pool, work) =>
    drizzle({ client: pool }).transaction((tx) =>
      work({
        query: (text, values) => {
          // Drizzle numbers parameters itself.
          const parts = text.split(/\$(\d+)/);
          return tx.execute(
            sql.join(parts.map((part, index) => (index % 2 === 0 ? sql.raw(part) : sql`${values[Number(part) - 1]}`))),
          );
        },
      }),
    ),
};
