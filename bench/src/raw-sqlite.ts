import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import type { Setup, Subject, Value } from "./store.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** What is used of a library that brings SQLite. */
interface RawDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): { get(...parameters: Value[]): unknown; run(...parameters: Value[]): unknown };
}

/** The settings of a database that are those of `@revkv/sqlite`. */
export function pragmas({ variant = "FULL" }: Setup): readonly string[] {
  const settings = [
    "journal_mode = WAL",
    `synchronous = ${variant}`,
    "cache_size = -65536",
    "temp_store = MEMORY",
    "journal_size_limit = 67108864",
    "wal_autocheckpoint = 4000",
  ];
  return settings.map((setting) => `PRAGMA ${setting}`);
}

/** A database of its own. */
export function databaseFile(): string {
  return join(temporaryDirectory(), "bench.db");
}

/** SQLite as an application would use it by itself: one table, prepared statements, and no more than that. */
function raw(name: string, open: (file: string) => RawDatabase): Subject {
  return {
    name,
    async open(setup) {
      const database = open(databaseFile());
      for (const pragma of pragmas(setup)) database.exec(pragma);
      database.exec("CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB)");
      const select = database.prepare("SELECT value FROM kv WHERE key = ?");
      const upsert = database.prepare(
        "INSERT INTO kv VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      );
      const begin = database.prepare("BEGIN IMMEDIATE");
      const commit = database.prepare("COMMIT");
      return {
        separator: ".",
        put: (key, value) => upsert.run(key, value),
        putTogether: (entries) => {
          begin.run();
          for (const [key, value] of entries) upsert.run(key, value);
          commit.run();
        },
        get: (key) => select.get(key),
        read: (answer) => (answer as { readonly value: Value }).value,
      };
    },
  };
}

export const rawBetterSqlite3: Subject = raw("raw better-sqlite3", (file) => new Database(file, { timeout: 0 }));

export const rawNodeSqlite: Subject = raw("raw node:sqlite", (file) => new DatabaseSync(file, { timeout: 0 }));
