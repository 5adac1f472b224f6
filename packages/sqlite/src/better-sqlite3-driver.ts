import type { Driver, DriverLibrary, Statement } from "./driver.ts";
import { sqliteVersion } from "./sqlite-version.ts";

/** What is used of a better-sqlite3 `Database`: that of the package's versions 12.8 to 13. */
export interface BetterSqlite3Database {
  /** Where the database is stored. */
  readonly name: string;
  readonly open: boolean;
  readonly inTransaction: boolean;
  readonly memory: boolean;
  prepare(sql: string): BetterSqlite3Statement;
  exec(sql: string): unknown;
  close(): unknown;
}

/** What is used of a better-sqlite3 `Statement`. */
export interface BetterSqlite3Statement {
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  run(...parameters: unknown[]): unknown;
  raw(enable: boolean): unknown;
  safeIntegers(enable: boolean): unknown;
}

/** The driver on a `Database` that is open already. */
export class BetterSqlite3Driver implements Driver {
  readonly name: "better-sqlite3" = "better-sqlite3";
  readonly resultOf: typeof resultOf = resultOf;
  readonly #database: BetterSqlite3Database;

  constructor(database: BetterSqlite3Database) {
    this.#database = database;
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  command(sql: string): Statement {
    return this.#database.prepare(sql) as unknown as Statement;
  }

  query(sql: string): Statement {
    const statement = this.#database.prepare(sql);
    // Rows as arrays are a fifth faster; the application may have switched its Database to big integers.
    statement.raw(true);
    statement.safeIntegers(false);
    return statement as unknown as Statement;
  }

  close(): void {
    this.#database.close();
  }
}

/** Loads better-sqlite3; rejects with `ERR_MODULE_NOT_FOUND` where it is not installed. */
export async function loadBetterSqlite3(): Promise<DriverLibrary> {
  const { default: Database } = await import("better-sqlite3");
  const open = (file: string, readOnly: boolean): Driver =>
    new BetterSqlite3Driver(new Database(file, { readonly: readOnly, timeout: 0 }) as unknown as BetterSqlite3Database);
  const memory = open(":memory:", false);
  const sqlite = sqliteVersion(memory);
  memory.close();
  return { name: "better-sqlite3", sqlite, open, resultOf };
}

function resultOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { readonly code?: unknown };
  if (typeof code === "string" && code.startsWith("SQLITE_")) return code.slice("SQLITE_".length);
  // The application is in the middle of an iteration on its Database.
  return error instanceof TypeError && error.message.includes("busy executing a query") ? "BUSY" : undefined;
}
