import { resolve } from "node:path";
import type { KeyValueManager } from "@revkv/api";
import { StorageManager } from "@revkv/api/adapter";
import type { BetterSqlite3Database } from "./better-sqlite3-driver.ts";
import { BetterSqlite3Driver } from "./better-sqlite3-driver.ts";
import type { SqliteDatabaseOptions } from "./connect.ts";
import { Connection } from "./connection.ts";
import { FileIdentity } from "./file-identity.ts";
import { defaultPrefix, openingCall } from "./opening.ts";
import { migrate } from "./schema.ts";
import { SqliteStorage } from "./sqlite-storage.ts";
import { checkSqliteVersion, sqliteVersion } from "./sqlite-version.ts";
import { Store } from "./store.ts";
import { translateError } from "./translate-error.ts";

/** The stores on each Database: SQLite does not tell one of what another does through the same connection. */
const storesOf: WeakMap<BetterSqlite3Database, Set<Store>> = new WeakMap();

/** Puts our tables beside those of the application. */
export async function openDatabase(options: SqliteDatabaseOptions): Promise<KeyValueManager> {
  const { database, prefix = defaultPrefix, timeout, onEvent } = options;
  const driver = new BetterSqlite3Driver(database);
  try {
    const file = database.memory ? undefined : FileIdentity.of(resolve(database.name));
    const unclaim = file?.claim(driver.name);
    try {
      const connection = new Connection(driver, { file });
      const call = openingCall(timeout);
      checkSqliteVersion(driver.name, await connection.ask(call, () => sqliteVersion(driver)));
      await migrate(connection, prefix, call);
      const storage = await connection.ask(call, () => storageOn(database, file, connection, prefix, unclaim));
      return new StorageManager(storage, { timeout, onEvent });
    } catch (error) {
      unclaim?.();
      throw error;
    }
  } catch (error) {
    throw translateError(driver.resultOf, error);
  }
}

function storageOn(
  database: BetterSqlite3Database,
  file: FileIdentity | undefined,
  connection: Connection,
  prefix: string,
  unclaim: (() => void) | undefined,
): SqliteStorage {
  const stores = storesOf.get(database) ?? new Set();
  storesOf.set(database, stores);
  const store: Store = new Store(connection, prefix, file && `${file.location}-wal`, () => {
    for (const other of stores) if (other !== store) other.otherWrote();
  });
  const storage = new SqliteStorage(store, !database.memory, () => {
    stores.delete(store);
    unclaim?.();
  });
  stores.add(store);
  return storage;
}
