import { nextTurn } from "@revkv/api/adapter";
import Database from "better-sqlite3";
import { expect, test, vi } from "vitest";
import { isAsked } from "./lock-request.ts";
import { later, open, temporaryFile } from "./open.ts";

function applicationDatabase(file: string): Database.Database {
  const database = new Database(file, { timeout: 0 });
  later(() => database.close());
  database.pragma("journal_mode = WAL");
  database.exec("CREATE TABLE notes (text TEXT)");
  return database;
}

/** Begins to iterate over the application's rows. */
function iterate(database: Database.Database): IterableIterator<unknown> {
  const rows = database.prepare("SELECT text FROM notes").iterate();
  later(() => rows.return?.());
  rows.next();
  return rows;
}

test("our tables live beside those of the application, under a prefix, and its Database stays open", async () => {
  const database = applicationDatabase(await temporaryFile());
  for (const prefix of ["one_", "two_"]) {
    const manager = await open({ database, prefix });
    await (await manager.createKeyValue({ bucket: "b" })).put("a", prefix);
    await manager.close();
  }
  const kv = await (await open({ database, prefix: "one_" })).keyValue("b");
  expect((await kv.get("a"))?.string()).toBe("one_");
  database.exec("INSERT INTO notes VALUES ('mine')");
  expect(database.prepare("SELECT text FROM notes").all()).toEqual([{ text: "mine" }]);
});

test.each([
  { end: "COMMIT", notes: 1 },
  { end: "ROLLBACK", notes: 0 },
])("a write waits for a transaction of the application until its $end, and takes no part in it", async (given) => {
  const database = applicationDatabase(await temporaryFile());
  const kv = await (await open({ database })).createKeyValue({ bucket: "b" });
  database.exec("BEGIN; INSERT INTO notes VALUES ('mine')");
  const writing = kv.put("a", "1");
  // It has tried, and tries again, for as long as the transaction is open.
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(await kv.get("a")).toBeNull();
  database.exec(given.end);
  expect(await writing).toBe(1);
  expect((await kv.get("a"))?.string()).toBe("1");
  expect(database.prepare("SELECT count(*) AS notes FROM notes").get()).toEqual({ notes: given.notes });
});

test("whoever awaits a write within a transaction of its own waits for itself, until TIMEOUT", async () => {
  const database = applicationDatabase(await temporaryFile());
  const kv = await (await open({ database, timeout: 100 })).createKeyValue({ bucket: "b" });
  database.exec("BEGIN");
  await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "TIMEOUT" });
  database.exec("COMMIT");
  expect(await kv.get("a")).toBeNull();
  expect(await kv.put("a", "2")).toBe(1);
});

test("what is read within a transaction that may write stays so until it ends", async () => {
  const file = await temporaryFile();
  const database = applicationDatabase(file);
  const kv = await (await open({ database })).createKeyValue({ bucket: "b" });
  await kv.put("a", "1");
  const other = await (await open({ file, timeout: 100 })).keyValue("b");
  database.exec("BEGIN IMMEDIATE");
  expect((await kv.get("a"))?.revision).toBe(1);
  await expect(other.put("a", "2")).rejects.toMatchObject({ code: "TIMEOUT" });
  expect((await kv.getMany(["a", "b"])).map((entry) => entry?.revision)).toEqual([1, undefined]);
  expect(await kv.keys()).toEqual(["a"]);
  database.exec("COMMIT");
  expect(await other.put("a", "2")).toBe(2);
});

test("a write waits while the application iterates over rows", async () => {
  const database = applicationDatabase(await temporaryFile());
  database.exec("INSERT INTO notes VALUES ('1'), ('2')");
  const kv = await (await open({ database })).createKeyValue({ bucket: "b" });
  const rows = iterate(database);
  let isDone = false;
  const writing = kv.put("a", "1").finally(() => {
    isDone = true;
  });
  // It has tried, and tries again, for as long as the rows are read.
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(isDone).toBe(false);
  rows.return?.();
  expect(await writing).toBe(1);
});

test.each([
  {
    how: "iterates over rows",
    begin: (database: Database.Database) => iterate(database),
    reason: "the application itself, which was iterating over rows of its Database",
  },
  {
    how: "has a transaction open",
    begin: (database: Database.Database) => database.exec("BEGIN"),
    reason: "the application itself, which had a transaction open on its Database",
  },
])(
  "a write that waits while the application $how says so, and asks no other process to leave the lock",
  async (given) => {
    const file = await temporaryFile();
    const database = applicationDatabase(file);
    database.exec("INSERT INTO notes VALUES ('1'), ('2')");
    const kv = await (await open({ database, timeout: 200 })).createKeyValue({ bucket: "b" });
    given.begin(database);
    let isSettled = false;
    const writing = Promise.allSettled([kv.put("a", "1")]).finally(() => {
      isSettled = true;
    });
    while (!isSettled) {
      expect(isAsked(file)).toBe(false);
      await nextTurn();
    }
    const message = expect.stringContaining(given.reason);
    expect(await writing).toMatchObject([{ status: "rejected", reason: { code: "TIMEOUT", message } }]);
  },
);

test("a lock is not waited for in the library's own way, which the application may have switched on, for a moment", async () => {
  const file = await temporaryFile();
  const database = new Database(file, { timeout: 60_000 });
  later(() => database.close());
  database.pragma("journal_mode = WAL");
  const settings: unknown[] = [];
  const prepare = database.prepare.bind(database);
  vi.spyOn(database, "prepare").mockImplementation((sql) => {
    const statement = prepare(sql);
    if (sql !== "BEGIN IMMEDIATE") return statement;
    const run = statement.run.bind(statement);
    statement.run = (...values) => {
      settings.push(database.pragma("busy_timeout", { simple: true }));
      return run(...values);
    };
    return statement;
  });
  const kv = await (await open({ database, timeout: 100 })).createKeyValue({ bucket: "b" });
  const other = applicationDatabase(file);
  other.exec("BEGIN IMMEDIATE");
  await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "TIMEOUT" });
  other.exec("COMMIT");
  expect(await kv.put("a", "1")).toBe(1);
  expect(settings.length).toBeGreaterThan(3);
  expect(new Set(settings)).toEqual(new Set([0]));
  expect(database.pragma("busy_timeout", { simple: true })).toBe(60_000);
});

test("whatever waits for locks, reads go on while the application iterates over rows", async () => {
  const database = new Database(await temporaryFile(), { timeout: 60_000 });
  later(() => database.close());
  database.exec("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('a'), ('b')");
  const kv = await (await open({ database })).createKeyValue({ bucket: "b" });
  await kv.put("a", "1");
  const found: (number | undefined)[] = [];
  for (const row of database.prepare("SELECT text FROM notes").iterate() as Iterable<{ readonly text: string }>) {
    found.push((await kv.get(row.text))?.revision);
  }
  expect(found).toEqual([1, undefined]);
});

test("big integers and other settings of the application's statements do not reach ours", async () => {
  const database = applicationDatabase(await temporaryFile());
  database.defaultSafeIntegers(true);
  const kv = await (await open({ database })).createKeyValue({ bucket: "b" });
  expect(await kv.put("a", "1")).toBe(1);
  expect(await kv.get("a")).toMatchObject({ revision: 1, created: expect.any(Date) });
});

test("managers on one Database, in memory too, wake each other's watchers", async () => {
  const database = new Database(":memory:");
  later(() => database.close());
  const one = await open({ database });
  const other = await open({ database });
  const kv = await one.createKeyValue({ bucket: "b" });
  const entries = (await kv.watch(">", { updatesOnly: true }))[Symbol.asyncIterator]();
  expect((await entries.next()).value).toBeNull();
  // It has nothing to read and waits to be woken: no poll would find what changes in memory.
  const next = entries.next();
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  await (await other.keyValue("b")).put("a", "1");
  expect((await next).value?.string()).toBe("1");
  expect(one.capabilities.crossProcessWatch).toBe(false);
});

test("a Database that the application closed is CLOSED", async () => {
  const database = new Database(await temporaryFile(), { timeout: 0 });
  const manager = await open({ database });
  const kv = await manager.createKeyValue({ bucket: "b" });
  database.close();
  await expect(kv.get("a")).rejects.toMatchObject({ code: "CLOSED" });
  await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "CLOSED" });
});
