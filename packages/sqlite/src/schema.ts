import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import type { Connection } from "./connection.ts";
import type { Driver } from "./driver.ts";

/**
 * The changes of the schema, in order; the schema's version is how many of them were made. What a release has is never
 * edited, only added to.
 */
function migrations(prefix: string): readonly string[] {
  return [
    `CREATE TABLE "${prefix}bucket" (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      incarnation TEXT NOT NULL,
      config TEXT NOT NULL,
      ttl INTEGER,
      expiring INTEGER NOT NULL,
      bytes INTEGER NOT NULL DEFAULT 0,
      revision INTEGER NOT NULL DEFAULT 0,
      created INTEGER NOT NULL DEFAULT 0,
      compacted_to INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX "${prefix}bucket_expiring" ON "${prefix}bucket" (id) WHERE expiring;
    CREATE TABLE "${prefix}dropped" (id INTEGER PRIMARY KEY) STRICT`,
  ];
}

/** The tables that are there from the beginning. */
function tables(prefix: string): readonly string[] {
  return ["schema", "bucket", "dropped"].map((name) => `${prefix}${name}`);
}

/** The columns that buckets have after all migrations. */
const bucketColumns = "id, name, incarnation, config, ttl, expiring, bytes, revision, created, compacted_to";

/**
 * Whose a database is: the version of our schema; `"foreign"` when tables are in it, but none of ours under the prefix;
 * `"empty"` when nothing is.
 */
export type SchemaState = number | "foreign" | "empty";

/**
 * Finds out whose database it is, without changing it.
 *
 * @throws `INCOMPATIBLE_STORAGE` when a newer version of this package has written it, or when tables have our names but
 * are not as we make them
 */
export function schemaOf(driver: Driver, prefix: string): SchemaState {
  const names = driver
    .query("SELECT lower(name) FROM sqlite_schema")
    .all()
    .map(([name]) => name as string);
  if (names.length === 0) return "empty";
  const ours = tables(prefix);
  const found = ours.filter((name) => names.includes(name.toLowerCase()));
  if (found.length === 0) {
    if (names.some((name) => isReserved(name, prefix.toLowerCase()))) throw unlike(prefix);
    return "foreign";
  }
  if (found.length < ours.length) throw unlike(prefix);
  const version = versionOf(driver, prefix);
  const known = migrations(prefix).length;
  if (version > known) {
    throw new KeyValueError(
      "INCOMPATIBLE_STORAGE",
      `the database has version ${version} of the schema, this version of @revkv/sqlite knows ${known}: update it`,
    );
  }
  if (version === known) {
    unlessUnlike(driver, prefix, () => driver.query(`SELECT ${bucketColumns} FROM "${prefix}bucket" LIMIT 0`).all());
  }
  return version;
}

/** Tells whether we give a name to what comes and goes with buckets. */
function isReserved(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && /^(?:rows_\d+|dropped_\d+|bucket_expiring)$/.test(name.slice(prefix.length));
}

/** Creates our tables, or brings them up to date; safe when several processes do so at once (rule B12). */
export async function migrate(connection: Connection, prefix: string, call: Call): Promise<void> {
  const { driver } = connection;
  const steps = migrations(prefix);
  if ((await connection.read(call, () => schemaOf(driver, prefix))) === steps.length) return;
  await connection.write(call, () => {
    const version = schemaOf(driver, prefix);
    if (typeof version !== "number") {
      driver.exec(`CREATE TABLE "${prefix}schema" (version INTEGER NOT NULL) STRICT`);
      driver.exec(`INSERT INTO "${prefix}schema" VALUES (0)`);
    }
    for (const step of steps.slice(typeof version === "number" ? version : 0)) driver.exec(step);
    driver.exec(`UPDATE "${prefix}schema" SET version = ${steps.length}`);
  });
}

/** The version of our schema, which is the only row of its table. */
function versionOf(driver: Driver, prefix: string): number {
  const version = `CASE WHEN typeof(version) = 'integer' AND version BETWEEN 1 AND 1000000 THEN version END`;
  const [rows, given] = unlessUnlike(driver, prefix, () =>
    driver.query(`SELECT count(*), max(${version}) FROM "${prefix}schema"`).get(),
  ) as readonly [number, number | null];
  if (rows !== 1 || given === null) throw unlike(prefix);
  return given;
}

/** Asks something that SQLite refuses where a table is not as we make it. */
function unlessUnlike<T>(driver: Driver, prefix: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw driver.resultOf(error) === "ERROR" ? unlike(prefix, error) : error;
  }
}

function unlike(prefix: string, cause?: unknown): KeyValueError {
  const names = tables(prefix).map((name) => `"${name}"`);
  const message = `the database has tables called ${names.join(" or ")}, but not as revkv makes them`;
  return new KeyValueError("INCOMPATIBLE_STORAGE", message, { cause });
}

/** The table with the rows of a bucket. Ids are never given again, so that a bucket's name says which incarnation it is. */
export function rowsTable(prefix: string, id: number): string {
  return `${prefix}rows_${id}`;
}

/**
 * Creates the table of a bucket: a table of its own, since in one for all buckets SQLite, asked for the newest row of a
 * key, would rather scan the log. The rows of a key have rising ids, in the order of their revisions, but a row does not
 * move when it is overwritten: besides its own page, only the small index of revisions changes. As the key of the table
 * the revision would cost a third more pages per commit.
 */
export function createRows(driver: Driver, table: string): void {
  driver.exec(
    `CREATE TABLE "${table}" (
      id INTEGER PRIMARY KEY,
      revision INTEGER NOT NULL,
      key TEXT NOT NULL,
      op INTEGER NOT NULL,
      created INTEGER NOT NULL,
      expires INTEGER,
      value BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX "${table}_revision" ON "${table}" (revision);
    CREATE INDEX "${table}_key" ON "${table}" (key);
    CREATE INDEX "${table}_expires" ON "${table}" (expires) WHERE expires IS NOT NULL;
    CREATE INDEX "${table}_lapsing" ON "${table}" (expires, revision) WHERE op <> 0 AND expires IS NOT NULL;
    CREATE INDEX "${table}_marker" ON "${table}" (key) WHERE op <> 0;
    CREATE INDEX "${table}_aging" ON "${table}" (created, revision) WHERE op <> 0`,
  );
}

/** Has SQLite keep count of a bucket's bytes: only buckets with `maxBytes` pay for it (rule B10). */
export function countBytes(driver: Driver, prefix: string, id: number): void {
  const table = rowsTable(prefix, id);
  const change = (sign: "+" | "-", row: "NEW" | "OLD"): string =>
    `UPDATE "${prefix}bucket" SET bytes = bytes ${sign} length(${row}.key) ${sign} length(${row}.value) WHERE id = ${id};`;
  driver.exec(
    `UPDATE "${prefix}bucket" SET bytes = (SELECT ifnull(sum(length(key) + length(value)), 0) FROM "${table}") WHERE id = ${id};
    CREATE TRIGGER "${table}_added" AFTER INSERT ON "${table}" BEGIN ${change("+", "NEW")} END;
    CREATE TRIGGER "${table}_removed" AFTER DELETE ON "${table}" BEGIN ${change("-", "OLD")} END;
    CREATE TRIGGER "${table}_overwritten" AFTER UPDATE ON "${table}" BEGIN ${change("-", "OLD")} ${change("+", "NEW")} END`,
  );
}

/** Ends {@link countBytes}. */
export function stopCountingBytes(driver: Driver, table: string): void {
  for (const change of ["added", "removed", "overwritten"]) driver.exec(`DROP TRIGGER IF EXISTS "${table}_${change}"`);
}
