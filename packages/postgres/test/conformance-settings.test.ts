import type { Harness } from "@revkv/conformance";
import { conformance } from "@revkv/conformance/vitest";
import { databaseOf } from "@revkv/servers/postgres";
import pg from "pg";
import { connect } from "../src/index.ts";
import { execute, freshSchema, schemaHarness, sharedServer } from "./harness.ts";
import { patient } from "./patient.ts";

const { capabilities } = schemaHarness("", sharedServer);

/** Schemas that all managers reach by a pool of the application's; `prepare` sets their database up. */
function poolHarness(name: string, max: number, prepare?: (database: string) => string): Harness {
  let created: Promise<string> | undefined;
  const create = async (): Promise<string> => {
    const database = await databaseOf(await sharedServer());
    if (prepare !== undefined) await execute(database.url, prepare(database.name));
    return database.url;
  };
  return {
    name,
    capabilities,
    setup: async () => {
      created ??= create();
      const url = await created;
      const pool = new pg.Pool({ connectionString: url, max });
      // As docs/postgres.md asks of every application.
      pool.on("error", () => undefined);
      const schema = freshSchema();
      return {
        open: (options) => connect({ pool, schema, timeout: patient, ...options }),
        dispose: async () => {
          await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
          await pool.end();
        },
      };
    },
  };
}

conformance(poolHarness("the application's pool, of two connections", 2), {
  only: ["M3", "M8", "M9", "M10", "B11", "B12", "O3", "O9", "O10", "O11", "L", "W1", "W7", "W9", "W11", "T2", "E"],
});

conformance(
  poolHarness(
    "SERIALIZABLE by default",
    10,
    (database) => `ALTER DATABASE ${database} SET default_transaction_isolation = 'serializable'`,
  ),
  { only: ["M", "B6", "B10", "O", "W7", "W13", "P", "T2", "T4", "T7", "T9"] },
);
