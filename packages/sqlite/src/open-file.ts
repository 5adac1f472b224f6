import { resolve } from "node:path";
import type { KeyValueManager } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { StorageManager } from "@revkv/api/adapter";
import { loadBetterSqlite3 } from "./better-sqlite3-driver.ts";
import type { SqliteFileOptions } from "./connect.ts";
import { Connection } from "./connection.ts";
import type { Driver, DriverLibrary, DriverName, SqlValue } from "./driver.ts";
import { checkAccess, createEmpty, destination, openingError } from "./file-access.ts";
import { FileIdentity } from "./file-identity.ts";
import { loadNodeSqlite } from "./node-sqlite-driver.ts";
import { defaultPrefix, openingCall } from "./opening.ts";
import type { SchemaState } from "./schema.ts";
import { migrate, schemaOf } from "./schema.ts";
import { SqliteStorage } from "./sqlite-storage.ts";
import { checkSqliteVersion } from "./sqlite-version.ts";
import { Store } from "./store.ts";
import { translateError } from "./translate-error.ts";

/**
 * How many pages the write-ahead log has before it is written back. A put writes two to four pages, and the longer the
 * log, the more of them are one page written often: with SQLite's own 1,000, random puts on many keys take twice the time.
 */
const logPages = 4000;

/** Opens a file of our own. */
export async function openFile(options: SqliteFileOptions): Promise<KeyValueManager> {
  const path = resolve(options.file);
  const file = destination(path);
  if (file !== file.trimEnd())
    throw new KeyValueError("INVALID_ARGUMENT", `${path} leads to what ends with white space`);
  const library = await loadLibrary(options.driver);
  checkSqliteVersion(library.name, library.sqlite);
  const call = openingCall(options.timeout);
  let storage: SqliteStorage;
  try {
    storage = await storageOn(path, file, library, options, call);
  } catch (error) {
    throw await openingError(file, options.readOnly ?? false, translateError(library.resultOf, error));
  }
  return new StorageManager(storage, { timeout: options.timeout, onEvent: options.onEvent });
}

/** `path` is where the file is looked for, `file` where that leads to. */
async function storageOn(
  path: string,
  file: string,
  library: DriverLibrary,
  { synchronous = "full", readOnly = false }: SqliteFileOptions,
  call: Call,
): Promise<SqliteStorage> {
  const isNew = await checkAccess(file);
  // Claimed before SQLite opens it: also what is refused would have to be closed again.
  if (isNew && !readOnly) createEmpty(file);
  const identity = FileIdentity.of(path);
  const release = identity?.claim(library.name);
  let driver: Driver | undefined;
  const close = (): void => {
    driver?.close();
    release?.();
  };
  try {
    if (!isNew || readOnly) await checkOwnership(file, library, readOnly, call);
    driver = library.open(file, readOnly);
    const connection = new Connection(driver, { readOnly, file: identity });
    if (!readOnly) {
      await connection.ask(call, () => setUp(connection.driver, file, synchronous));
      await migrate(connection, defaultPrefix, call);
    }
    const store = new Store(connection, defaultPrefix, `${file}-wal`);
    return await connection.ask(call, () => new SqliteStorage(store, true, close));
  } catch (error) {
    close();
    throw error;
  }
}

/** Sees to it that a file that exists is ours, before it is opened for writing: closing it then might change it. */
async function checkOwnership(file: string, library: DriverLibrary, readOnly: boolean, call: Call): Promise<void> {
  let schema: SchemaState;
  try {
    schema = await stateOf(library.open(file, true), call);
  } catch (error) {
    // Nobody can read what a process has left in the midst of a transaction before it is undone.
    if (readOnly || library.resultOf(error) !== "READONLY_ROLLBACK") throw error;
    schema = await stateOf(library.open(file, false), call);
  }
  if (schema === "foreign" || (schema === "empty" && readOnly)) {
    throw new KeyValueError("INCOMPATIBLE_STORAGE", `${file} is a database, but not one of revkv`);
  }
}

/** Whose database a connection leads to, which is closed then. */
async function stateOf(driver: Driver, call: Call): Promise<SchemaState> {
  try {
    return await new Connection(driver).ask(call, () => schemaOf(driver, defaultPrefix));
  } finally {
    driver.close();
  }
}

function setUp(driver: Driver, file: string, synchronous: "full" | "normal"): void {
  const mode = haveLog(driver);
  if (mode !== "wal") throw new KeyValueError("UNSUPPORTED", `${file} cannot have a write-ahead log where it is`);
  driver.exec(`PRAGMA synchronous = ${synchronous}`);
  // Where fsync alone does not reach the disk (macOS); elsewhere it means nothing.
  if (synchronous === "full") driver.exec("PRAGMA fullfsync = ON");
  driver.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864");
  driver.exec(`PRAGMA wal_autocheckpoint = ${logPages}`);
}

/** Sees to it that there is a write-ahead log, and gives the mode; whoever may only read has what there is. */
function haveLog(driver: Driver): SqlValue | undefined {
  try {
    return driver.query("PRAGMA journal_mode = WAL").get()?.[0];
  } catch (error) {
    if (driver.resultOf(error)?.startsWith("READONLY")) return "wal";
    throw error;
  }
}

async function loadLibrary(driver: DriverName | undefined): Promise<DriverLibrary> {
  try {
    if (driver !== "node:sqlite") return await loadBetterSqlite3();
  } catch (error) {
    if (driver !== undefined || (error as { readonly code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") {
      throw new KeyValueError("UNAVAILABLE", "better-sqlite3 cannot be loaded", { cause: error });
    }
  }
  try {
    return await loadNodeSqlite();
  } catch (error) {
    throw new KeyValueError("UNAVAILABLE", "this Node has no node:sqlite", { cause: error });
  }
}
