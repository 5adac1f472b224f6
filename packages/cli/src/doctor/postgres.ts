import { adapterOf } from "../adapters.ts";
import type { Finding } from "./finding.ts";
import { clockFinding, failure, ok, warning } from "./finding.ts";

/** The oldest server that the adapter takes. */
const oldest = 130_000;

interface Server {
  readonly version: string;
  readonly number: number;
  readonly pid: number;
  readonly standby: boolean;
  readonly fsync: string;
  readonly commit: string;
  readonly now: number;
  readonly schema: boolean;
  readonly may_create: boolean;
  readonly may_use: boolean | null;
}

/** The server, its settings, the schema and what this user may do in it. */
export async function* examination(url: string): AsyncGenerator<Finding, boolean> {
  const { connectionString, schema = "revkv" } = adapterOf(url).options(url) as {
    readonly connectionString: string;
    readonly schema?: string;
  };
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5000, query_timeout: 5000 });
  client.on("error", () => {
    // The query that is waiting tells.
  });
  try {
    await client.connect();
    const before = Date.now();
    const { rows } = await client.query<Server>(
      `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
         pg_backend_pid() AS pid, pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync,
         current_setting('synchronous_commit') AS commit, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
         n.oid IS NOT NULL AS schema, has_database_privilege(current_database(), 'CREATE') AS may_create,
         has_schema_privilege(n.oid, 'USAGE') AS may_use
       FROM (SELECT 1) one LEFT JOIN pg_namespace n ON n.nspname = $1`,
      [schema],
    );
    const after = Date.now();
    const [server] = rows;
    if (server === undefined) throw new Error("the server gives no answer");
    yield ok("reachable", `in ${after - before} ms`);
    yield* serverFindings(server, (client as unknown as { readonly processID: number | null }).processID);
    yield clockFinding(server.now, before, after);
    if (!server.schema) yield missingSchema(schema, server);
    else if (server.may_use !== true) {
      yield failure(
        "permissions",
        `this user may not use schema "${schema}"`,
        `GRANT USAGE ON SCHEMA "${schema}" TO …`,
      );
    } else {
      const applied = await client.query<{ readonly count: number }>(
        `SELECT count(*)::int AS count FROM ${client.escapeIdentifier(schema)}.migration`,
      );
      yield ok("migrations", `${applied.rows[0]?.count} applied to schema "${schema}"`);
      yield* tableFindings(await missingGrants(client, schema), schema);
    }
    return server.schema;
  } finally {
    await client.end();
  }
}

function* serverFindings(server: Server, processId: number | null): Generator<Finding, void> {
  if (server.number >= oldest) yield ok("version", `PostgreSQL ${server.version}`);
  else yield failure("version", `PostgreSQL ${server.version}`, "at least 13 is needed");
  if (server.standby) {
    yield warning("role", "a standby: reads may be behind, writes are refused", "connect to the primary to write");
  }
  if (processId !== server.pid) {
    yield warning(
      "pooler",
      "a pooler is in between",
      "give the adapter a listenConnectionString that leads to the server itself",
    );
  }
  if (server.fsync === "off") {
    yield warning("fsync", "off: a crash of the system can destroy the database", "set fsync = on");
  }
  if (server.commit === "off") {
    yield warning("commits", "synchronous_commit is off: a crash takes the last writes back", "set it to on");
  }
}

function missingSchema(schema: string, { may_create: mayCreate }: Server): Finding {
  return mayCreate
    ? warning("migrations", `schema "${schema}" does not exist yet`, "the first connect creates it")
    : failure(
        "permissions",
        `schema "${schema}" does not exist, and this user may not create it`,
        "GRANT CREATE ON DATABASE …, or have an administrator run what ddl() of @revkv/postgres gives",
      );
}

interface Queries {
  query(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly { readonly name: string }[] }>;
}

/** The tables of the schema that this user may not write to. */
async function missingGrants(client: unknown, schema: string): Promise<readonly string[]> {
  const { rows } = await (client as Queries).query(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname <> 'migration'
       AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
         AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
     ORDER BY 1`,
    [schema],
  );
  return rows.map(({ name }) => name);
}

function* tableFindings(missing: readonly string[], schema: string): Generator<Finding, void> {
  if (missing.length === 0) {
    yield ok("permissions", "this user may read and write");
    return;
  }
  yield failure(
    "permissions",
    `this user may not do everything with ${missing.join(", ")}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO …`,
  );
}
