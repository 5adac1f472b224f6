import type { KeyValueManager, ManagerOptions } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { checkManagerOptions } from "@revkv/api/adapter";
import type { BetterSqlite3Database } from "./better-sqlite3-driver.ts";
import type { DriverName } from "./driver.ts";
import { openDatabase } from "./open-database.ts";
import { openFile } from "./open-file.ts";

/** A database in a file of its own, which several processes can open at the same time. */
export interface SqliteFileOptions extends ManagerOptions {
  /** The file; it is created when it does not exist, its directory is not. */
  readonly file: string;
  /**
   * Which library to use: better-sqlite3, which has to be installed, or the SQLite that Node has built in. Default:
   * better-sqlite3 where it is installed.
   */
  readonly driver?: DriverName | undefined;
  /**
   * What a write waits for before it resolves. `"full"`: until it is on the disk and survives a loss of power; the
   * default. `"normal"`: until it is in the operating system's hands. It survives the end of the process, however that
   * comes, but a loss of power or a crash of the system can take the last writes back; the database stays sound.
   */
  readonly synchronous?: "full" | "normal" | undefined;
  /** Opens the file for reading only: reads and watches work, writes fail with `READ_ONLY`. It has to exist. */
  readonly readOnly?: boolean | undefined;
}

/**
 * A better-sqlite3 `Database` that the application has open: revkv's tables live beside its own. It stays the
 * application's: its settings (`journal_mode`, `synchronous`, `timeout`) are left as they are, and it is not closed.
 */
export interface SqliteDatabaseOptions extends ManagerOptions {
  /** The `Database`. */
  readonly database: BetterSqlite3Database;
  /** What the names of revkv's tables begin with: letters, digits and underscores; default `"revkv_"`. */
  readonly prefix?: string | undefined;
}

const urlScheme = "sqlite:";
const managerOptions = ["timeout", "onEvent"];
const fileOptions: ReadonlySet<string> = new Set(["file", "driver", "synchronous", "readOnly", ...managerOptions]);
const databaseOptions: ReadonlySet<string> = new Set(["database", "prefix", ...managerOptions]);

/**
 * Opens a SQLite database: a file (`"sqlite:./app.db"` or `{ file }`), or a better-sqlite3 `Database` that is open.
 *
 * @throws `INVALID_ARGUMENT` for an unknown or wrong option; `INCOMPATIBLE_STORAGE` for a file that is no database, holds
 * other tables than ours, or was written by a newer version, and for a SQLite older than 3.51.3; `READ_ONLY`,
 * `PERMISSION_DENIED`, `UNAVAILABLE`, `TIMEOUT`
 *
 * @example
 * ```ts
 * import { connect } from "@revkv/sqlite";
 *
 * const manager = await connect({ file: "./app.db" });
 * const zones = await manager.createOrUpdateKeyValue({ bucket: "zones", history: 5 });
 * const revision = await zones.put("Europe.Paris", "+01:00");
 * await zones.update("Europe.Paris", "+02:00", revision);
 * console.log((await zones.get("Europe.Paris"))?.string()); // +02:00
 * await manager.close();
 * ```
 */
export async function connect(options: string | SqliteFileOptions | SqliteDatabaseOptions): Promise<KeyValueManager> {
  const given = typeof options === "string" ? { file: fileOf(options) } : options;
  checkOptions(given);
  return "file" in given ? openFile(given) : openDatabase(given);
}

/** Reads `sqlite:./app.db` and `sqlite:///var/lib/app.db`. */
function fileOf(url: string): string {
  if (!url.startsWith(urlScheme)) throw invalid(`a SQLite storage is "sqlite:" and the path of a file`);
  const path = url.slice(urlScheme.length);
  return path.startsWith("//") ? path.slice(2) : path;
}

function checkOptions(options: unknown): asserts options is SqliteFileOptions | SqliteDatabaseOptions {
  if (typeof options !== "object" || options === null) throw invalid('options are an object or "sqlite:path"');
  const given = options as Readonly<Record<string, unknown>>;
  const known = "database" in given ? databaseOptions : fileOptions;
  const stranger = Object.keys(given).find((option) => !known.has(option));
  if (stranger !== undefined) throw invalid(`"${stranger}" is no option here; known: ${[...known].join(", ")}`);
  if ("database" in given) checkDatabase(given);
  else checkFile(given);
  checkManagerOptions(options);
}

function checkFile({ file, driver, synchronous, readOnly }: Readonly<Record<string, unknown>>): void {
  if (typeof file !== "string" || file === "") throw invalid("file is the path of a file");
  if (file !== file.trimEnd()) throw invalid("a path that ends with white space is not the same to every library");
  if (file.includes("\0")) throw invalid("a path has no null character");
  if (file === ":memory:") throw invalid("a database in memory belongs to one connection: use @revkv/memory");
  if (driver !== undefined && driver !== "better-sqlite3" && driver !== "node:sqlite") {
    throw invalid('driver is "better-sqlite3" or "node:sqlite"');
  }
  if (synchronous !== undefined && synchronous !== "full" && synchronous !== "normal") {
    throw invalid('synchronous is "full" or "normal"');
  }
  if (readOnly !== undefined && typeof readOnly !== "boolean") throw invalid("readOnly is true or false");
}

function checkDatabase({ database, prefix }: Readonly<Record<string, unknown>>): void {
  const { prepare, exec } = (database ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof prepare !== "function" || typeof exec !== "function" || !("inTransaction" in (database as object))) {
    throw invalid("database is an open Database of better-sqlite3");
  }
  if (prefix !== undefined && (typeof prefix !== "string" || !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(prefix))) {
    throw invalid("prefix has letters, digits and underscores");
  }
  if (typeof prefix === "string" && /^sqlite_/i.test(prefix)) {
    throw invalid('tables whose names begin with "sqlite_" belong to SQLite');
  }
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_ARGUMENT", message);
}
