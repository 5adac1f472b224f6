import { readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { later, temporaryFile } from "./open.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;

/** What can be wrong with a database of ours, or looks like one. */
const wrongs: readonly (readonly [what: string, ours: boolean, sql: string])[] = [
  ["no version", true, "DELETE FROM revkv_schema"],
  ["a version before the first", true, "UPDATE revkv_schema SET version = 0"],
  ["an impossible version", true, "UPDATE revkv_schema SET version = 9223372036854775807"],
  ["two versions", true, "INSERT INTO revkv_schema VALUES (1)"],
  ["no table of versions", true, "DROP TABLE revkv_schema"],
  ["no table of buckets", true, "DROP TABLE revkv_bucket"],
  ["a column less", true, "ALTER TABLE revkv_bucket DROP COLUMN compacted_to"],
  ["a table of another's that is called like ours", false, "CREATE TABLE REVKV_SCHEMA (text TEXT)"],
  ["a table of buckets of another's", false, "CREATE TABLE revkv_bucket (fish TEXT)"],
  [
    "tables of another's that are called like ours",
    false,
    "CREATE TABLE revkv_schema (version TEXT); INSERT INTO revkv_schema VALUES ('two'); CREATE TABLE revkv_bucket (fish TEXT)",
  ],
  ["a table that is called like that of a bucket", false, "CREATE TABLE REVKV_ROWS_1 (fish TEXT)"],
  [
    "an index that is called like ours",
    false,
    "CREATE TABLE fish (name); CREATE INDEX revkv_bucket_expiring ON fish (name)",
  ],
  ["a view that is called like our table", false, "CREATE VIEW revkv_schema AS SELECT 1 AS version"],
];

async function wrong(ours: boolean, sql: string): Promise<string> {
  const file = await temporaryFile();
  if (ours) await (await connect({ file })).close();
  const database = new Database(file);
  database.exec(sql);
  database.close();
  return file;
}

test.each(wrongs)("a file with %s is refused and left as it is", async (_, ours, sql) => {
  const file = await wrong(ours, sql);
  const before = await readFile(file);
  for (const driver of drivers) {
    for (const readOnly of [false, true]) {
      await expect(connect({ file, driver, readOnly })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
    }
  }
  expect((await readFile(file)).equals(before)).toBe(true);
});

test.each(wrongs)("a Database with %s is refused and left as it is", async (_, ours, sql) => {
  const database = new Database(await wrong(ours, sql), { timeout: 0 });
  later(() => database.close());
  const before = database.serialize();
  await expect(connect({ database })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  expect(database.serialize().equals(before)).toBe(true);
});

test.each(drivers)("%s: a file of a single byte, which SQLite would overwrite, is left as it is", async (driver) => {
  const file = await temporaryFile();
  await writeFile(file, "x");
  await expect(connect({ file, driver })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  expect(await readFile(file, "utf8")).toBe("x");
});

test.each(drivers)("%s: what is no file is refused", async (driver) => {
  const directory = dirname(await temporaryFile());
  await expect(connect({ file: directory, driver })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
});
