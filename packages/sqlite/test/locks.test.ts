import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { lstat, lutimes, mkdir, symlink, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import type { Readable } from "node:stream";
import type { KeyValue } from "@revkv/api";
import { nextTurn } from "@revkv/api/adapter";
import { needTool } from "@revkv/servers/tool";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { command, start } from "./children/spawn.ts";
import { isAsked } from "./lock-request.ts";
import { later, open, temporaryFile } from "./open.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;

/**
 * Another connection that holds the write lock from now on; by the same library, since locks of a file belong to the
 * process: two copies of SQLite in one do not see each other's.
 */
function lock(driver: (typeof drivers)[number], file: string): { exec(sql: string): unknown } {
  const database = driver === "node:sqlite" ? new DatabaseSync(file) : new Database(file);
  later(() => database.close());
  database.exec("BEGIN IMMEDIATE");
  return database;
}

test.each(drivers)("%s: a write waits for another's transaction, without holding up the process", async (driver) => {
  const file = await temporaryFile();
  const kv = await (await open({ file, driver })).createKeyValue({ bucket: "b" });
  await kv.put("a", "1");
  const other = lock(driver, file);
  let settled = false;
  const writing = kv.put("a", "2").finally(() => {
    settled = true;
  });
  for (let turn = 0; turn < 20; turn += 1) {
    await nextTurn();
    expect((await kv.get("a"))?.string()).toBe("1");
  }
  expect(settled).toBe(false);
  other.exec("COMMIT");
  expect(await writing).toBe(2);
});

test.each(drivers)(
  "%s: at its deadline a write that was not begun is TIMEOUT, and is not carried out later",
  async (driver) => {
    const file = await temporaryFile();
    const manager = await open({ file, driver, timeout: 100 });
    const kv = await manager.createKeyValue({ bucket: "b" });
    const other = lock(driver, file);
    const outcomes = await Promise.allSettled([
      kv.put("a", "1"),
      kv.transaction([{ op: "put", key: "b", value: "1" }]),
      kv.purgeDeletes(),
      manager.createKeyValue({ bucket: "c" }),
      manager.deleteKeyValue("b"),
    ]);
    const reason = { code: "TIMEOUT", message: "the database was locked all the time" };
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason });
    other.exec("COMMIT");
    expect(await kv.put("z", "1")).toBe(1);
    expect(await kv.keys()).toEqual(["z"]);
    expect(isAsked(file)).toBe(false);
  },
);

test.each(drivers)(
  "%s: when one write of a process has had the lock, its others that wait try at once",
  async (driver) => {
    const file = await temporaryFile();
    await (await open({ file, driver })).createKeyValue({ bucket: "b" });
    const handle = async (): Promise<KeyValue> => (await open({ file, driver })).keyValue("b");
    const waiters = [await handle(), await handle()];
    const free = await handle();
    const other = lock(driver, file);
    let settled = 0;
    const waiting = waiters.map((waiter) => waiter.put("a", "1").finally(() => (settled += 1)));
    // They have been tried by the time at which the first of them asks for the lock.
    await expect.poll(() => isAsked(file)).toBe(true);
    other.exec("COMMIT");
    await free.put("a", "2");
    // No timer can go off meanwhile.
    for (let step = 0; step < 100; step += 1) await undefined;
    expect(settled).toBe(2);
    await Promise.all(waiting);
  },
);

test("nothing is left of the request of a process that was killed while it waited for the lock", async () => {
  const file = await temporaryFile();
  await (await open({ file, driver: "better-sqlite3" })).createKeyValue({ bucket: "b" });
  const other = lock("better-sqlite3", file);
  const { child, ended } = start(command("./put-once.ts", { file, driver: "better-sqlite3", timeout: 60_000 }));
  await expect.poll(() => isAsked(file)).toBe(true);
  child.kill("SIGKILL");
  await ended;
  other.exec("COMMIT");
  await expect.poll(() => isAsked(file)).toBe(false);
});

test.runIf(process.platform === "linux")(
  "nothing is left of the request of a process that was killed in the midst of making it",
  async () => {
    needTool("strace");
    const file = await temporaryFile();
    await (await open({ file, driver: "better-sqlite3" })).createKeyValue({ bucket: "b" });
    const other = lock("better-sqlite3", file);
    const steps = "write,?symlink,symlinkat";
    const killed = ["-P", `${file}-wait`, "-e", `trace=${steps}`, "-e", `inject=${steps}:signal=SIGKILL`];
    const waiting = command("./put-once.ts", { file, driver: "better-sqlite3", timeout: 60_000 });
    const { errors } = await start(["strace", "-f", "-qq", "-o", "/dev/null", ...killed, ...waiting]).ended;
    expect(errors).toBe("");
    expect(isAsked(file)).toBe(false);
    other.exec("COMMIT");
  },
);

test.each([
  { what: "an empty file", make: (path: string) => writeFile(path, "") },
  { what: "a file that says the same", make: (path: string) => writeFile(path, `1700000000000 ${randomUUID()}`) },
  { what: "a link to the database", make: (path: string) => symlink("test.db", path) },
  { what: "a link to nowhere", make: (path: string) => symlink("1700000000000 notes", path) },
  { what: "a directory", make: (path: string) => mkdir(path) },
])("what is somebody else's and has the name of the request is left alone: $what", async ({ make }) => {
  const file = await temporaryFile();
  await make(`${file}-wait`);
  await lutimes(`${file}-wait`, 1_000_000_000, 1_000_000_000);
  const { ino, mtimeNs, ctimeNs } = await lstat(`${file}-wait`, { bigint: true });
  const kv = await (await open({ file, driver: "better-sqlite3", timeout: 200 })).createKeyValue({ bucket: "b" });
  const other = lock("better-sqlite3", file);
  await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "TIMEOUT" });
  other.exec("COMMIT");
  expect(await kv.put("a", "1")).toBe(1);
  expect(await lstat(`${file}-wait`, { bigint: true })).toMatchObject({ ino, mtimeNs, ctimeNs });
});

test.runIf(process.platform !== "win32")("a pipe that has the name of the request holds up no process", async () => {
  const file = await temporaryFile();
  const manager = await open({ file, driver: "better-sqlite3" });
  await manager.createKeyValue({ bucket: "b" });
  await manager.close();
  execFileSync("mkfifo", [`${file}-wait`]);
  const other = lock("better-sqlite3", file);
  const { child, ended } = start(command("./put-once.ts", { file, driver: "better-sqlite3", timeout: 200 }));
  later(() => child.kill("SIGKILL"));
  const { errors } = await ended;
  expect(errors).toContain("TIMEOUT");
  other.exec("COMMIT");
});

test("W9: a process with nothing else to do exits, though what is due waits for a lock", async () => {
  const file = await temporaryFile();
  const options = { file, driver: "better-sqlite3", timeout: 120_000 };
  const { child, ended } = start(command("./leave-with-something-due.ts", options));
  later(() => child.kill("SIGKILL"));
  await once(child.stdout as Readable, "data");
  const other = new Database(file);
  later(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  expect(await ended).toMatchObject({ output: "written", errors: "", code: 0 });
  other.exec("COMMIT");
});
