import type { DatabaseSync } from "node:sqlite";
import type { Driver, DriverLibrary, Statement } from "./driver.ts";

/** SQLite's result codes that mean something to the storage. */
const resultCodes: Readonly<Record<number, string>> = {
  1: "ERROR",
  3: "PERM",
  5: "BUSY",
  6: "LOCKED",
  8: "READONLY",
  10: "IOERR",
  11: "CORRUPT",
  13: "FULL",
  14: "CANTOPEN",
  15: "PROTOCOL",
  18: "TOOBIG",
  23: "AUTH",
  26: "NOTADB",
  776: "READONLY_ROLLBACK",
  4874: "IOERR_SHMSIZE",
};

class NodeSqliteDriver implements Driver {
  readonly name: "node:sqlite" = "node:sqlite";
  readonly resultOf: typeof resultOf = resultOf;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  command(sql: string): Statement {
    return this.#database.prepare(sql) as unknown as Statement;
  }

  query(sql: string): Statement {
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    return statement as unknown as Statement;
  }

  close(): void {
    this.#database.close();
  }
}

/** Loads the SQLite that Node has built in. */
export async function loadNodeSqlite(): Promise<DriverLibrary> {
  const { DatabaseSync } = await import("node:sqlite");
  return {
    name: "node:sqlite",
    sqlite: process.versions["sqlite"] ?? "of an unknown version",
    open: (file, readOnly) => new NodeSqliteDriver(new DatabaseSync(file, { readOnly, timeout: 0 })),
    resultOf,
  };
}

function resultOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  if (code !== "ERR_SQLITE_ERROR" || typeof errcode !== "number") return undefined;
  return resultCodes[errcode] ?? resultCodes[errcode & 0xff] ?? `${errcode}`;
}
