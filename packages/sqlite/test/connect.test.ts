import { copyFile, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { checkSqliteVersion } from "../src/sqlite-version.ts";
import { later, open, temporaryFile } from "./open.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;

test("options that are wrong or unknown are refused before any file is touched", async () => {
  const file = await temporaryFile();
  const wrong: readonly unknown[] = [
    undefined,
    {},
    "file.db",
    "sqlite:",
    { file: "" },
    { file: ":memory:" },
    { file: `${file} ` },
    `sqlite:${file}\n`,
    { file, driver: "sql.js" },
    { file, synchronous: "off" },
    { file, readOnly: 1 },
    { file, prefix: "x_" },
    { file, timeout: 0 },
    { database: {} },
    { database: file },
    { database: new Database(":memory:"), prefix: "a b" },
  ];
  for (const options of wrong) {
    await expect(connect(options as string), JSON.stringify(options)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  }
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a URL is the path of a file", async () => {
  const file = await temporaryFile();
  for (const url of [`sqlite:${file}`, `sqlite://${file}`]) {
    const manager = await open(url);
    await manager.createOrUpdateKeyValue({ bucket: "b" });
    await manager.close();
  }
  await (await open({ file })).keyValue("b");
});

test.runIf(process.platform !== "win32").each(drivers)("%s: a path is taken as it is", async (driver) => {
  const directory = dirname(await temporaryFile());
  const names = ["a?mode=memory", "a#b", "a%20b", "a b", "file:a", "it's", 'a"b', "a\\b", ":memory:"];
  for (const name of names) await (await connect({ file: join(directory, name), driver })).close();
  expect((await readdir(directory)).filter((name) => !/-(wal|shm)$/.test(name)).sort()).toEqual(names.toSorted());
});

test.each(drivers)("%s: what was written is there when the file is closed and opened again", async (driver) => {
  const file = await temporaryFile();
  const first = await open({ file, driver });
  await (await first.createKeyValue({ bucket: "b" })).put("a", "1");
  await first.close();
  const again = await (await open({ file, driver })).keyValue("b");
  expect((await again.get("a"))?.string()).toBe("1");
});

test.each(drivers)("%s: what is not ours is refused and left as it is", async (driver) => {
  const text = await temporaryFile();
  await writeFile(text, "this is a text, which is longer than the header of a database. ".repeat(50));
  const others = await temporaryFile();
  const foreign = new Database(others);
  foreign.exec("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')");
  foreign.close();
  const newer = await temporaryFile();
  await (await connect({ file: newer })).close();
  const database = new Database(newer);
  database.exec("UPDATE revkv_schema SET version = 1000");
  database.close();
  for (const file of [text, others, newer]) {
    const before = await readFile(file);
    await expect(connect({ file, driver })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
    expect((await readFile(file)).equals(before), file).toBe(true);
  }
  await expect(connect({ file: newer, driver })).rejects.toThrow(/version 1000/);
});

test.each(drivers)("%s: the log that others have left beside their database is left as it is", async (driver) => {
  const running = await temporaryFile();
  const foreign = new Database(running);
  later(() => foreign.close());
  foreign.exec("PRAGMA journal_mode = WAL; CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')");
  const abandoned = await temporaryFile();
  const files = ["", "-wal"];
  for (const suffix of files) await copyFile(`${running}${suffix}`, `${abandoned}${suffix}`);
  const before = await Promise.all(files.map((suffix) => readFile(`${abandoned}${suffix}`)));
  await expect(connect({ file: abandoned, driver })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  for (const [index, suffix] of files.entries()) {
    expect((await readFile(`${abandoned}${suffix}`)).equals(before[index] ?? Buffer.alloc(0)), suffix).toBe(true);
  }
});

/** A file without a write-ahead log, as a process leaves it that is killed in the midst of a transaction. */
async function unfinished(isOurs: boolean): Promise<string> {
  const file = await temporaryFile();
  const database = new Database(`${file}.running`, { timeout: 0 });
  later(() => database.close());
  database.exec("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('kept')");
  if (isOurs) await (await (await open({ database })).createKeyValue({ bucket: "b" })).put("a", "1");
  // With so small a cache SQLite writes to the file before the commit.
  database.exec(`PRAGMA cache_size = 2; BEGIN; INSERT INTO notes VALUES ('${"x".repeat(100_000)}')`);
  for (const suffix of ["", "-journal"]) await copyFile(`${file}.running${suffix}`, `${file}${suffix}`);
  expect((await readFile(file)).includes("xxxx")).toBe(true);
  return file;
}

test.each(drivers)("%s: a transaction that a killed process has left unfinished is undone", async (driver) => {
  const ours = await unfinished(true);
  await expect(connect({ file: ours, driver, readOnly: true })).rejects.toMatchObject({ code: "READ_ONLY" });
  expect((await (await (await open({ file: ours, driver })).keyValue("b")).get("a"))?.string()).toBe("1");
  const foreign = await unfinished(false);
  await expect(connect({ file: foreign, driver })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  for (const file of [ours, foreign]) expect((await readFile(file)).includes("xxxx")).toBe(false);
});

test.each(drivers)("%s: a directory that is not there is named", async (driver) => {
  const file = join(await temporaryFile(), "nowhere", "test.db");
  await expect(connect({ file, driver })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("nowhere"),
  });
});

test("a SQLite older than 3.51.3 is refused", () => {
  for (const version of ["3.51.2", "3.50.9", "2.99.99", "of an unknown version"]) {
    expect(() => checkSqliteVersion("node:sqlite", version)).toThrow(version);
  }
  for (const version of ["3.51.3", "3.52.0", "4.0.0"]) checkSqliteVersion("node:sqlite", version);
});
