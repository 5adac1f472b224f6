import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { sqliteFile } from "../adapters.ts";
import type { Finding } from "./finding.ts";
import { failure, ok } from "./finding.ts";

/** The file, who may write to it, and how it is kept. */
export async function* examination(url: string): AsyncGenerator<Finding, boolean> {
  const file = resolve(sqliteFile(url));
  if (!existsSync(file)) {
    yield failure("file", `${file} does not exist`, "check the path; the first `revkv add` creates the file");
    return false;
  }
  yield ok("file", `${file}, ${statSync(file).size} bytes`);
  // The log beside the file is created and removed as it is needed.
  for (const [check, path] of [
    ["writable", file],
    ["directory", dirname(file)],
  ] as const) {
    if (isWritable(path)) yield ok(check, path);
    else yield failure(check, `${path} cannot be written to`, "give this user the permission, or read as the owner");
  }
  const { isReadable, version, journalMode } = await look(file);
  if (!isReadable) {
    yield failure("database", "the file is no database of SQLite, or damaged", "restore it from a backup");
    return false;
  }
  yield ok("version", `SQLite ${version}`);
  if (journalMode === "wal") yield ok("journal", "write-ahead log");
  else {
    yield failure(
      "journal",
      `journal_mode is ${journalMode}`,
      "only a write-ahead log lets readers and a writer work at the same time: PRAGMA journal_mode = WAL",
    );
  }
  return true;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

interface Look {
  readonly isReadable: boolean;
  readonly version?: string;
  readonly journalMode?: string;
}

/** Asks the library that the adapter would use, without writing. */
async function look(file: string): Promise<Look> {
  try {
    const query = await openReadOnly(file);
    return {
      isReadable: true,
      version: query("SELECT sqlite_version() AS value"),
      journalMode: query("SELECT journal_mode AS value FROM pragma_journal_mode"),
    };
  } catch (error) {
    if (/not a database|malformed|corrupt/i.test(String(error))) return { isReadable: false };
    throw error;
  }
}

async function openReadOnly(file: string): Promise<(statement: string) => string> {
  try {
    const { default: Database } = await import("better-sqlite3");
    return (statement) => {
      const database = new Database(file, { readonly: true });
      try {
        return String((database.prepare(statement).get() as { readonly value: unknown }).value);
      } finally {
        database.close();
      }
    };
  } catch {
    const { DatabaseSync } = await import("node:sqlite");
    return (statement) => {
      const database = new DatabaseSync(file, { readOnly: true });
      try {
        return String(database.prepare(statement).get()?.["value"]);
      } finally {
        database.close();
      }
    };
  }
}
