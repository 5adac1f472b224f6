import { KeyValueError } from "@revkv/api";
import type { PostgresClient } from "./postgres-pool.ts";
import { numberOf } from "./rows.ts";
import type { Statements } from "./statements.ts";

/**
 * The statements that `connect` carries out, from the step behind `from` on, for those whose administrator does it
 * (`migrate: false`).
 */
export function ddl({ schema, lock, migrations }: Statements, from: number): string {
  return [
    "BEGIN ISOLATION LEVEL READ COMMITTED;",
    `SELECT pg_advisory_xact_lock(${lock}, 0);`,
    ...(from === 0 ? [`CREATE SCHEMA IF NOT EXISTS ${schema};`, migrationTable(schema)] : []),
    ...migrations.slice(from),
    `INSERT INTO ${schema}.migration (version) SELECT generate_series(${from + 1}, ${migrations.length});`,
    "COMMIT;",
  ].join("\n\n");
}

function migrationTable(schema: string): string {
  return `-- One row for each step of the schema that was made. A step that older versions of the software cannot live with says so.
CREATE TABLE ${schema}.migration (
  version integer PRIMARY KEY,
  made timestamptz NOT NULL DEFAULT now(),
  breaks_older boolean NOT NULL DEFAULT false
);`;
}

/**
 * Brings the schema up to date. Any number of processes may do so at the same time: they go one after the other, and
 * whoever comes later finds it done (rule B12).
 *
 * @throws `INCOMPATIBLE_STORAGE` for a schema that a newer version has changed beyond what this one knows;
 * `PERMISSION_DENIED` when there is something to be made and the role may not
 */
export async function migrate(client: PostgresClient, statements: Statements): Promise<void> {
  const { lock, migrations } = statements;
  if ((await versionOf(client, statements)) >= migrations.length) return;
  // The server ends it when we vanish in the middle: others wait for its lock.
  await client.query({
    text: "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '10s'",
  });
  try {
    await client.query({ text: `SELECT pg_advisory_xact_lock(${lock}, 0)` });
    await build(client, statements);
    await client.query({ text: "COMMIT" });
  } catch (error) {
    await client.query({ text: "ROLLBACK" }).catch(() => undefined);
    throw explained(error, statements);
  }
}

/** Carries out the steps that are missing, in a transaction that nobody else does the same in. */
async function build(client: PostgresClient, statements: Statements): Promise<void> {
  const { schema, name, migrations } = statements;
  const version = await versionOf(client, statements);
  if (version === 0) {
    // Not IF NOT EXISTS, for which a role that owns the schema would need rights on the database.
    const { rows } = await client.query({ text: "SELECT FROM pg_namespace WHERE nspname = $1", values: [name] });
    if (rows.length === 0) await client.query({ text: `CREATE SCHEMA ${schema}` });
    await client.query({ text: migrationTable(schema) });
  }
  for (const [index, text] of migrations.entries()) {
    if (index < version) continue;
    await client.query({ text });
    await client.query({ text: `INSERT INTO ${schema}.migration (version) VALUES ($1)`, values: [index + 1] });
  }
}

/** What the server says when it refuses to create something because of what has its name. */
const taken: ReadonlySet<unknown> = new Set(["42P07", "42710", "42723"]);

function explained(error: unknown, { schema }: Statements): unknown {
  const { code, message } = error as { readonly code?: unknown; readonly message?: string };
  if (code === "42501") {
    return new KeyValueError(
      "PERMISSION_DENIED",
      `the role may not create or change the schema ${schema} (${message}): let an administrator carry out what ddl() gives`,
      { cause: error },
    );
  }
  if (taken.has(code)) {
    return new KeyValueError("INCOMPATIBLE_STORAGE", `the schema ${schema} is somebody else's: ${message}`, {
      cause: error,
    });
  }
  return error;
}

/** @throws `INCOMPATIBLE_STORAGE` unless the schema is complete */
export async function checkMigrated(client: PostgresClient, statements: Statements): Promise<void> {
  const { schema, name, migrations } = statements;
  const version = await versionOf(client, statements);
  if (version >= migrations.length) return;
  const call = `ddl(${JSON.stringify(name)}${version === 0 ? "" : `, ${version}`})`;
  throw new KeyValueError(
    "INCOMPATIBLE_STORAGE",
    `the schema ${schema} has ${version} of ${migrations.length} steps: carry out what ${call} gives, or let connect() migrate`,
  );
}

/** How many steps were made; 0 where nothing of ours is there. */
async function versionOf(client: PostgresClient, { schema, name, migrations }: Statements): Promise<number> {
  // Read from the tables of the catalog: what looks names up may remember from before the lock that there was nothing.
  const { rows } = await client.query({
    text: `SELECT EXISTS (
      SELECT FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'migration' AND a.attname = 'breaks_older') AS found`,
    values: [name],
  });
  const [{ found }] = rows as [{ readonly found: boolean }];
  if (!found) return 0;
  const result = await client.query({
    text: `SELECT coalesce(max(version), 0) AS version, coalesce(bool_or(breaks_older AND version > $1), false) AS broken
      FROM ${schema}.migration`,
    values: [migrations.length],
  });
  const [{ version, broken }] = result.rows as [{ readonly version: unknown; readonly broken: boolean }];
  if (!broken) return numberOf(version);
  throw new KeyValueError(
    "INCOMPATIBLE_STORAGE",
    `the schema ${schema} was changed by a newer version of @revkv/postgres (step ${version}, this one knows ${migrations.length}): update it`,
  );
}
