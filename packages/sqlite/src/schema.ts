import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import type { Connection } from "./connection.ts";
import type { Driver } from "./driver.ts";

/** The oldest SQLite whose write-ahead log is sound with several processes: before, a reset at a bad moment corrupts. */
const oldestSqlite = [3, 51, 3] as const;

/** The changes of the schema, in order; the schema's version is how many of them were made. Never edited, only added to. */
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
    ) STRICT`,
  ];
}

/** What a database is to us. */
export type Ownership =
  /** Nothing is in it. */
  | "empty"
  /** Tables are in it, but none of ours under this prefix. */
  | "foreign"
  /** Our tables are in it. */
  | "ours";

/**
 * Finds out whose database it is, without changing it.
 *
 * @throws `INCOMPATIBLE_STORAGE` when a newer version of this package has written it
 */
export function ownershipOf(driver: Driver, prefix: string): Ownership {
  const tables = driver.query("SELECT name FROM sqlite_schema").all();
  if (tables.length === 0) return "empty";
  if (!tables.some(([name]) => String(name).toLowerCase() === `${prefix}schema`.toLowerCase())) return "foreign";
  const version = versionOf(driver, prefix);
  const known = migrations(prefix).length;
  if (version <= known) return "ours";
  throw new KeyValueError(
    "INCOMPATIBLE_STORAGE",
    `the database has version ${version} of the schema, this version of @revkv/sqlite knows ${known}: update it`,
  );
}

/** Creates our tables, or brings them up to date; safe when several processes do so at once (rule B12). */
export async function migrate(connection: Connection, prefix: string, call: Call): Promise<void> {
  const { driver } = connection;
  const steps = migrations(prefix);
  const isUpToDate = (): boolean =>
    ownershipOf(driver, prefix) === "ours" && versionOf(driver, prefix) === steps.length;
  if (await connection.read(call, isUpToDate)) return;
  await connection.write(call, () => {
    const exists = ownershipOf(driver, prefix) === "ours";
    if (!exists) {
      driver.exec(`CREATE TABLE "${prefix}schema" (version INTEGER NOT NULL) STRICT`);
      driver.exec(`INSERT INTO "${prefix}schema" VALUES (0)`);
    }
    for (const step of steps.slice(versionOf(driver, prefix))) driver.exec(step);
    driver.exec(`UPDATE "${prefix}schema" SET version = ${steps.length}`);
  });
}

/** @throws `INCOMPATIBLE_STORAGE` for a SQLite that is too old */
export function checkSqliteVersion(driver: Driver): void {
  const version = String(driver.query("SELECT sqlite_version()").get()?.[0]);
  if (isOlder(version.split(".").map(Number))) {
    throw new KeyValueError(
      "INCOMPATIBLE_STORAGE",
      `${driver.name} brings SQLite ${version}; at least ${oldestSqlite.join(".")} is needed, whose log is sound with several processes`,
    );
  }
}

function isOlder(version: readonly number[]): boolean {
  for (const [index, least] of oldestSqlite.entries()) {
    const part = version[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}

function versionOf(driver: Driver, prefix: string): number {
  return driver.query(`SELECT version FROM "${prefix}schema"`).get()?.[0] as number;
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
  driver.exec(`DROP TRIGGER "${table}_added"; DROP TRIGGER "${table}_removed"; DROP TRIGGER "${table}_overwritten"`);
}
