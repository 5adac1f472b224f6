import type { ManagerOptions } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { checkManagerOptions } from "@revkv/api/adapter";
import pg from "pg";
import { ddl as ddlOf } from "./migrate.ts";
import { openManager } from "./open-manager.ts";
import type { PostgresManager } from "./postgres-manager.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { Statements } from "./statements.ts";

/** What can be chosen, however the database is reached. */
interface CommonOptions extends ManagerOptions {
  /** The schema that holds revkv's tables and functions; default `"revkv"`. Schemas are independent of each other. */
  readonly schema?: string | undefined;
  /**
   * Whether `connect` creates the schema and brings it up to date; default true. With false it has to be there: see
   * {@link ddl}.
   */
  readonly migrate?: boolean | undefined;
  /**
   * Where to listen for changes, when the other connections lead through a pooler in transaction mode: the URL of the
   * server itself. Default: as the other connections. Without notifications watchers poll every second.
   */
  readonly listenConnectionString?: string | undefined;
  /**
   * Whether statements are prepared by name; default: true, unless a pooler was found in between, which may not keep track
   * of them (PgBouncer does since 1.21).
   */
  readonly preparedStatements?: boolean | undefined;
  /** How often the connection that listens is tested while there are watchers, in milliseconds; default 10,000. */
  readonly heartbeatInterval?: number | undefined;
}

/** A database that revkv opens connections of its own to. */
export interface PostgresUrlOptions extends CommonOptions {
  /** Where the database is: `postgres://user:password@host:port/database`, with the parameters that `pg` knows. */
  readonly connectionString: string;
  /** The most connections, beside the one that listens; default 10. */
  readonly max?: number | undefined;
}

/** A pool of connections that the application already has. It stays the application's, and is not closed. */
export interface PostgresPoolOptions extends CommonOptions {
  /**
   * A `pg.Pool` without `binary: true`, or what behaves like one. Without its `options` changes of others are found by
   * polling.
   */
  readonly pool: PostgresPool;
}

/** What {@link connect} takes. */
export type PostgresOptions = PostgresUrlOptions | PostgresPoolOptions;

const commonOptions = [
  "schema",
  "migrate",
  "listenConnectionString",
  "preparedStatements",
  "heartbeatInterval",
  "timeout",
  "onEvent",
];
const urlOptions: ReadonlySet<string> = new Set(["connectionString", "max", ...commonOptions]);
const poolOptions: ReadonlySet<string> = new Set(["pool", ...commonOptions]);

/** The longest name that Postgres keeps whole, in bytes. */
const longestName = 63;

/**
 * Opens revkv's schema in a Postgres database (13 or newer), by URL or on a pool that the application has.
 *
 * @throws `INVALID_ARGUMENT` for an unknown or wrong option; `INCOMPATIBLE_STORAGE` for a server that is too old or does
 * not really lock, a schema that is missing (`migrate: false`) or was changed by a newer version; `PERMISSION_DENIED` for
 * a missing grant, which the message names; `UNAVAILABLE`, `TIMEOUT`
 *
 * @example
 * ```ts
 * import { connect } from "@revkv/postgres";
 *
 * const manager = await connect({ connectionString: process.env["DATABASE_URL"] ?? "", schema: "revkv" });
 * const zones = await manager.createOrUpdateKeyValue({ bucket: "zones", history: 5 });
 * const revision = await zones.put("Europe.Paris", "+01:00");
 * await zones.update("Europe.Paris", "+02:00", revision);
 * console.log((await zones.get("Europe.Paris"))?.string()); // +02:00
 * await manager.close();
 * ```
 */
export async function connect(options: string | PostgresOptions): Promise<PostgresManager> {
  const given = typeof options === "string" ? { connectionString: options } : options;
  checkOptions(given);
  return openManager(given);
}

/**
 * The SQL that creates a schema, for an administrator to carry out where the application may not: one transaction. The
 * application then connects with `migrate: false`, and needs USAGE on the schema, SELECT on its table `migration` and
 * SELECT, INSERT, UPDATE and DELETE on its other tables.
 *
 * @param from - how many steps the schema has already; `connect` with `migrate: false` tells when some are missing
 * @throws `INVALID_ARGUMENT` for a name that is none
 *
 * @example
 * ```ts
 * import { ddl } from "@revkv/postgres";
 *
 * console.log(ddl("revkv").includes('CREATE TABLE "revkv".bucket')); // true
 * ```
 */
export function ddl(schema = "revkv", from = 0): string {
  checkSchema(schema);
  if (!(Number.isSafeInteger(from) && from >= 0)) throw invalid("from is a whole number of at least 0");
  return ddlOf(new Statements(schema), from);
}

function checkOptions(options: unknown): asserts options is PostgresOptions {
  if (typeof options !== "object" || options === null) throw invalid('options are an object or "postgres://…"');
  const given = options as Readonly<Record<string, unknown>>;
  const known = "pool" in given ? poolOptions : urlOptions;
  const stranger = Object.keys(given).find((option) => !known.has(option));
  if (stranger !== undefined) throw invalid(`"${stranger}" is no option here; known: ${[...known].join(", ")}`);
  if ("pool" in given) checkPool(given["pool"]);
  else checkUrl(given["connectionString"], "connectionString");
  if (given["listenConnectionString"] !== undefined)
    checkUrl(given["listenConnectionString"], "listenConnectionString");
  if (given["schema"] !== undefined) checkSchema(given["schema"]);
  checkCount(given["max"], "max");
  checkCount(given["heartbeatInterval"], "heartbeatInterval");
  for (const name of ["migrate", "preparedStatements"]) {
    if (given[name] !== undefined && typeof given[name] !== "boolean") throw invalid(`${name} is true or false`);
  }
  checkManagerOptions(options);
}

function checkPool(pool: unknown): void {
  const given = (typeof pool === "object" && pool !== null ? pool : {}) as Readonly<Record<string, unknown>>;
  if (typeof given["connect"] !== "function") throw invalid("pool is a Pool of pg");
  // A client has a connect function too.
  if ("processID" in given) throw invalid("pool is a Pool of pg, not a single client");
  // pg then reads numbers and bytes wrongly.
  const { binary } = (given["options"] ?? {}) as { readonly binary?: unknown };
  if (binary === true) throw invalid("the pool has binary: true, with which pg does not give back what was stored");
}

function checkUrl(value: unknown, name: string): void {
  if (typeof value !== "string" || !/^postgres(ql)?:\/\//.test(value))
    throw invalid(`${name} begins with "postgres://"`);
  try {
    // Nothing is connected by that, but read.
    new pg.Client({ connectionString: value });
  } catch (cause) {
    throw new KeyValueError("INVALID_ARGUMENT", `${name} cannot be read`, { cause });
  }
}

function checkSchema(value: unknown): void {
  if (typeof value !== "string" || !/^[a-z_][a-z0-9_-]*$/i.test(value) || value.length > longestName) {
    throw invalid(
      `schema has letters, digits, "_" and "-", does not begin with a digit or "-", and is at most ${longestName} long`,
    );
  }
  if (/^pg_/i.test(value)) throw invalid('schemas whose names begin with "pg_" belong to Postgres');
}

/** The longest delay of a timer, in milliseconds; and no pool has as many connections. */
const largestCount = 2 ** 31 - 1;

function checkCount(value: unknown, name: string): void {
  if (value === undefined) return;
  if (!(Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= largestCount)) {
    throw invalid(`${name} is a whole number from 1 to ${largestCount}`);
  }
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_ARGUMENT", message);
}
