import type { KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import { bucketGone } from "@revkv/api/adapter";
import type { ResultOf } from "./driver.ts";

/** What SQLite's results mean for users, by the name of the primary result code; more exact names come first. */
const meanings: readonly (readonly [result: string, code: KeyValueErrorCode, message: string])[] = [
  ["FULL", "STORAGE_FULL", "the disk is full"],
  ["IOERR_SHMSIZE", "STORAGE_FULL", "the disk has no room for the index of the write-ahead log"],
  ["READONLY_ROLLBACK", "READ_ONLY", "what a process left unfinished has to be undone first: open it for writing once"],
  ["READONLY", "READ_ONLY", "the database cannot be written to"],
  ["PERM", "PERMISSION_DENIED", "the operating system refuses the file"],
  ["AUTH", "PERMISSION_DENIED", "the database refuses the access"],
  ["NOTADB", "INCOMPATIBLE_STORAGE", "the file is not a SQLite database"],
  ["CORRUPT", "INCOMPATIBLE_STORAGE", "the database is damaged"],
  ["TOOBIG", "VALUE_TOO_LARGE", "the value is larger than SQLite can hold"],
  ["CANTOPEN", "UNAVAILABLE", "the file, or the write-ahead log beside it, cannot be opened"],
  ["IOERR", "UNAVAILABLE", "the file cannot be read or written"],
  ["BUSY", "UNAVAILABLE", "the database is locked"],
  ["LOCKED", "UNAVAILABLE", "the database is locked"],
  ["PROTOCOL", "UNAVAILABLE", "the database is locked"],
];

/**
 * Says what an error of a driver means. A transaction that failed was undone; only a commit whose outcome is open is
 * not, and that was said where it happened.
 */
export function translateError(resultOf: ResultOf, error: unknown): KeyValueError {
  if (isKeyValueError(error)) return error;
  const result = resultOf(error);
  if (result === "ERROR" && error instanceof Error && /no such table: \S*rows_\d+$/.test(error.message)) {
    return bucketGone({ cause: error });
  }
  const meaning = meanings.find(([name]) => result?.startsWith(name));
  if (meaning !== undefined) return new KeyValueError(meaning[1], meaning[2], { cause: error });
  if (error instanceof Error && /database (connection )?is not open/.test(error.message)) {
    return new KeyValueError("CLOSED", "the application has closed its Database", { cause: error });
  }
  return new KeyValueError("INTERNAL", `SQLite failed: ${error instanceof Error ? error.message : error}`, {
    cause: error,
  });
}
