import type { Harness } from "@revkv/conformance";
import { conformance } from "@revkv/conformance/vitest";
import { databaseOf } from "@revkv/servers/postgres";
import pg from "pg";
import { connect } from "../src/index.ts";
import { execute, freshSchema, schemaHarness, sharedServer } from "./harness.ts";

const { capabilities } = schemaHarness("", sharedServer);

/** Databases with a pool of the application's, which all managers share; `prepare` sets the database up. */
function poolHarness(name: string, max: number, prepare: (database: string) => string): Harness {
  return {
    name,
    capabilities,
    setup: async () => {
      const database = await databaseOf(await sharedServer());
      await execute(database.url, prepare(database.name));
      const pool = new pg.Pool({ connectionString: database.url, max });
      // A pool's end does not wait for its connections' end: dropping the database may be faster.
      pool.on("error", () => undefined);
      const schema = freshSchema();
      return {
        open: (options) => connect({ pool, schema, ...options }),
        dispose: async () => {
          await pool.end();
          await database[Symbol.asyncDispose]();
        },
      };
    },
  };
}

conformance(
  poolHarness("the application's pool, of two connections", 2, () => "SELECT 1"),
  { only: ["M", "B2", "B11", "B12", "O", "L", "W1", "W7", "W9", "W11", "T2", "E"] },
);

conformance(
  poolHarness(
    "SERIALIZABLE by default",
    10,
    (database) => `ALTER DATABASE ${database} SET default_transaction_isolation = 'serializable'`,
  ),
  { only: ["M", "B2", "B6", "B10", "B11", "B12", "O", "W1", "W7", "W13", "P", "T2", "T4", "T7", "T9"] },
);
