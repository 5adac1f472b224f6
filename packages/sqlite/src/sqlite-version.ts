import { KeyValueError } from "@revkv/api";
import type { Driver, DriverName } from "./driver.ts";

/** The oldest SQLite whose write-ahead log is sound with several processes: before, a reset at a bad moment corrupts. */
const oldest = [3, 51, 3] as const;

/** The version of the SQLite behind a connection. */
export function sqliteVersion(driver: Driver): string {
  return String(driver.query("SELECT sqlite_version()").get()?.[0]);
}

/** @throws `INCOMPATIBLE_STORAGE` for a SQLite that is too old */
export function checkSqliteVersion(library: DriverName, version: string): void {
  const parts = version.split(".").map(Number);
  const differing = oldest.findIndex((part, index) => parts[index] !== part);
  if (differing < 0 || (parts[differing] as number) > (oldest[differing] as number)) return;
  throw new KeyValueError(
    "INCOMPATIBLE_STORAGE",
    `${library} brings SQLite ${version}; at least ${oldest.join(".")} is needed, whose log is sound with several processes`,
  );
}
