import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { KeyValueManager } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { StorageManager } from "@revkv/api/adapter";
import { loadBetterSqlite3 } from "./better-sqlite3-driver.ts";
import type { SqliteFileOptions } from "./connect.ts";
import { Connection } from "./connection.ts";
import type { Driver, DriverLibrary, DriverName } from "./driver.ts";
import { loadNodeSqlite } from "./node-sqlite-driver.ts";
import { defaultPrefix, openingCall } from "./opening.ts";
import { checkSqliteVersion, migrate, ownershipOf } from "./schema.ts";
import { SqliteStorage } from "./sqlite-storage.ts";
import { Store } from "./store.ts";
import { translateError } from "./translate-error.ts";

/**
 * How many pages the write-ahead log has before it is written back. A put writes two to four pages, and the longer the
 * log, the more of them are one page written often: with SQLite's own 1,000, random puts on many keys take twice the time.
 */
const logPages = 4000;

/** Opens a file of our own. */
export async function openFile(options: SqliteFileOptions): Promise<KeyValueManager> {
  const file = resolve(options.file);
  const library = await loadLibrary(options.driver);
  const call = openingCall(options.timeout);
  let storage: SqliteStorage;
  try {
    storage = await storageOn(await connectTo(file, library, options, call), file, call);
  } catch (error) {
    throw await openingError(file, translateError(library.resultOf, error));
  }
  return new StorageManager(storage, { timeout: options.timeout, onEvent: options.onEvent });
}

async function storageOn(connection: Connection, file: string, call: Call): Promise<SqliteStorage> {
  const { driver } = connection;
  return opened(driver, async () => {
    const store = new Store(connection, defaultPrefix, `${file}-wal`);
    return connection.ask(call, () => new SqliteStorage(store, true, () => driver.close()));
  });
}

async function connectTo(
  file: string,
  library: DriverLibrary,
  { synchronous = "full", readOnly = false }: SqliteFileOptions,
  call: Call,
): Promise<Connection> {
  // A file that is not ours is looked at only: as soon as it is opened for writing, closing it may change it.
  if (readOnly || (await hasContent(file))) {
    const driver = library.open(file, true);
    try {
      await new Connection(driver).ask(call, () => {
        checkSqliteVersion(driver);
        const ownership = ownershipOf(driver, defaultPrefix);
        if (ownership === "foreign" || (ownership === "empty" && readOnly)) {
          throw new KeyValueError("INCOMPATIBLE_STORAGE", `${file} is a database, but not one of revkv`);
        }
      });
    } finally {
      driver.close();
    }
  }
  return opened(library.open(file, readOnly), async (driver) => {
    const connection = new Connection(driver, readOnly);
    if (readOnly) return connection;
    await connection.ask(call, () => {
      checkSqliteVersion(driver);
      const [mode] = driver.query("PRAGMA journal_mode = WAL").get() ?? [];
      if (mode !== "wal") throw new KeyValueError("UNSUPPORTED", `${file} cannot have a write-ahead log where it is`);
      driver.exec(`PRAGMA synchronous = ${synchronous}`);
      // Where fsync alone does not reach the disk (macOS); elsewhere it means nothing.
      if (synchronous === "full") driver.exec("PRAGMA fullfsync = ON");
      driver.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864");
      driver.exec(`PRAGMA wal_autocheckpoint = ${logPages}`);
    });
    await migrate(connection, defaultPrefix, call);
    return connection;
  });
}

/** Closes what was opened when the rest of the opening fails. */
async function opened<T>(driver: Driver, rest: (driver: Driver) => Promise<T>): Promise<T> {
  try {
    return await rest(driver);
  } catch (error) {
    driver.close();
    throw error;
  }
}

async function loadLibrary(driver: DriverName | undefined): Promise<DriverLibrary> {
  if (driver === "node:sqlite") return loadNodeSqlite();
  try {
    return await loadBetterSqlite3();
  } catch (error) {
    if (driver === undefined && (error as { readonly code?: unknown }).code === "ERR_MODULE_NOT_FOUND") {
      return loadNodeSqlite();
    }
    throw new KeyValueError("UNAVAILABLE", "better-sqlite3 cannot be loaded", { cause: error });
  }
}

async function hasContent(file: string): Promise<boolean> {
  try {
    return (await stat(file)).size > 0;
  } catch {
    return false;
  }
}

/** Says why a file cannot be opened, which SQLite does not. */
async function openingError(file: string, error: KeyValueError): Promise<KeyValueError> {
  if (!["UNAVAILABLE", "READ_ONLY", "INTERNAL"].includes(error.code)) return error;
  const directory = dirname(file);
  try {
    await access(directory, constants.R_OK);
  } catch (cause) {
    return new KeyValueError("UNAVAILABLE", `the directory ${directory} is not there or not accessible`, { cause });
  }
  try {
    await access(file, constants.R_OK);
    await access(directory, constants.W_OK);
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code !== "EACCES") return error;
    const message = `no permission for ${file}, or to create the files that SQLite keeps beside it`;
    return new KeyValueError("PERMISSION_DENIED", message, { cause: error });
  }
  return error;
}
