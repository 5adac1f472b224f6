import { KeyValueError } from "@revkv/api";
import type { PostgresClient } from "./postgres-pool.ts";
import type { Statements } from "./statements.ts";

/**
 * The statements that build the schema from nothing: what `connect` carries out, for those whose administrator does it
 * (`migrate: false`).
 */
export function ddl(statements: Statements): string {
  const { schema, migrations } = statements;
  const record = `INSERT INTO ${schema}.migration (version) SELECT generate_series(1, ${migrations.length});`;
  return [bootstrap(schema), ...migrations, record].join("\n\n");
}

function bootstrap(schema: string): string {
  return `CREATE SCHEMA IF NOT EXISTS ${schema};

-- One row for each step of the schema that was made. A step that older versions of the software cannot live with says so.
CREATE TABLE IF NOT EXISTS ${schema}.migration (
  version integer PRIMARY KEY,
  made timestamptz NOT NULL DEFAULT now(),
  breaks_older boolean NOT NULL DEFAULT false
);`;
}

/**
 * Brings the schema up to date. Any number of processes may do so at the same time: they go one after the other, and
 * whoever comes later finds it done (rule B12).
 *
 * @throws `INCOMPATIBLE_STORAGE` for a schema that a newer version has changed beyond what this one knows
 */
export async function migrate(client: PostgresClient, statements: Statements): Promise<void> {
  const { schema, lock, migrations } = statements;
  if ((await versionOf(client, statements)) >= migrations.length) return;
  await client.query({ text: "BEGIN ISOLATION LEVEL READ COMMITTED" });
  try {
    await client.query({ text: `SELECT pg_advisory_xact_lock(${lock}, 0)` });
    const version = await versionOf(client, statements);
    if (version === 0) await client.query({ text: bootstrap(schema) });
    for (const [index, text] of migrations.entries()) {
      if (index < version) continue;
      await client.query({ text });
      await client.query({ text: `INSERT INTO ${schema}.migration (version) VALUES ($1)`, values: [index + 1] });
    }
    await client.query({ text: "COMMIT" });
  } catch (error) {
    await client.query({ text: "ROLLBACK" }).catch(() => undefined);
    throw error;
  }
}

/** @throws `INCOMPATIBLE_STORAGE` unless the schema is complete */
export async function checkMigrated(client: PostgresClient, statements: Statements): Promise<void> {
  const { schema, migrations } = statements;
  const version = await versionOf(client, statements);
  if (version >= migrations.length) return;
  throw new KeyValueError(
    "INCOMPATIBLE_STORAGE",
    `the schema ${schema} has ${version} of ${migrations.length} steps: carry out what ddl() prints, or let connect() migrate`,
  );
}

/** How many steps were made; 0 where nothing of ours is there. */
async function versionOf(client: PostgresClient, { schema, name, migrations }: Statements): Promise<number> {
  // Read from the tables of the catalog: what looks names up may remember from before the lock that there was nothing.
  const { rows } = await client.query({
    text: `SELECT EXISTS (
      SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'migration') AS found`,
    values: [name],
  });
  const [{ found }] = rows as [{ readonly found: boolean }];
  if (!found) return 0;
  const result = await client.query({
    text: `SELECT coalesce(max(version), 0) AS version, coalesce(bool_or(breaks_older AND version > $1), false) AS broken
      FROM ${schema}.migration`,
    values: [migrations.length],
  });
  const [{ version, broken }] = result.rows as [{ readonly version: number; readonly broken: boolean }];
  if (!broken) return version;
  throw new KeyValueError(
    "INCOMPATIBLE_STORAGE",
    `the schema ${schema} was changed by a newer version of @revkv/postgres (step ${version}, this one knows ${migrations.length}): update it`,
  );
}
