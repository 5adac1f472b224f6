import { chmod, copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { command, inNamespace, run, start } from "./children/spawn.ts";
import { later, open, temporaryFile } from "./open.ts";
import { somebody } from "./somebody.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;

/** A file with one value, by a manager that is still open or not. */
async function written(): Promise<{ readonly file: string; readonly kv: Awaited<ReturnType<typeof bucketOf>> }> {
  const file = await temporaryFile();
  return { file, kv: await bucketOf(file) };
}

async function bucketOf(file: string) {
  const kv = await (await open({ file })).createOrUpdateKeyValue({ bucket: "b" });
  await kv.put("a", "1");
  return kv;
}

test("opened for reading, nothing is left beside a file, nor while it is locked", async () => {
  const file = await temporaryFile();
  const database = new Database(file);
  later(() => database.close());
  const written = await open({ database });
  await (await written.createKeyValue({ bucket: "b" })).put("a", "1");
  const manager = await open({ file, driver: "better-sqlite3", readOnly: true });
  const kv = await manager.keyValue("b");
  // Without a write-ahead log readers wait for whoever writes.
  database.exec("BEGIN EXCLUSIVE");
  let settled = false;
  const reading = Promise.allSettled([kv.get("a", { signal: AbortSignal.timeout(200) })]).finally(() => {
    settled = true;
  });
  while (!settled) expect(await readdir(dirname(file))).toEqual(["test.db"]);
  expect(await reading).toMatchObject([{ status: "rejected", reason: { name: "TimeoutError" } }]);
  database.exec("COMMIT");
  expect((await kv.get("a"))?.string()).toBe("1");
});

test("opened for reading, a file is read and watched, and writes are READ_ONLY", async () => {
  const { file, kv } = await written();
  const manager = await open({ file, readOnly: true });
  const reading = await manager.keyValue("b");
  expect((await reading.get("a"))?.string()).toBe("1");
  const watcher = await reading.watch("a", { updatesOnly: true });
  const writes = await Promise.allSettled([
    reading.put("a", "2"),
    reading.purgeDeletes(),
    manager.createKeyValue({ bucket: "c" }),
    manager.updateKeyValue({ bucket: "b", history: 2 }),
    manager.deleteKeyValue("b"),
  ]);
  for (const write of writes) expect(write).toMatchObject({ status: "rejected", reason: { code: "READ_ONLY" } });
  await kv.put("a", "2");
  const seen: (string | undefined)[] = [];
  for await (const entry of watcher) {
    seen.push(entry?.string());
    if (entry !== null) break;
  }
  expect(seen).toEqual([undefined, "2"]);
});

test.each(drivers)("%s: for reading a file has to exist and be ours", async (driver) => {
  const file = await temporaryFile();
  await expect(connect({ file, driver, readOnly: true })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining(`there is no file ${file}`),
  });
  const foreign = new Database(file);
  foreign.exec("CREATE TABLE notes (text TEXT)");
  foreign.close();
  await expect(connect({ file, driver, readOnly: true })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
});

test.runIf(process.platform !== "win32").each(drivers)(
  "%s: whoever may not write to the file reads and watches what another writes",
  async (driver) => {
    const { file, kv } = await written();
    for (const path of [file, `${file}-wal`, `${file}-shm`]) await chmod(path, 0o444);
    await chmod(dirname(file), 0o555);
    later(() => chmod(dirname(file), 0o755));
    const { child, ended } = start(command("./read.ts", { file, driver }), somebody);
    let output = "";
    await new Promise<void>((resolve) => {
      child.on("close", () => resolve());
      child.stdout?.on("data", (data) => {
        output += data;
        if (output.includes("watch 1")) resolve();
      });
    });
    await kv.put("a", "end");
    expect((await ended).output.split("\n").slice(0, -1)).toEqual([
      "read 1",
      "put READ_ONLY",
      "create READ_ONLY",
      "watch 1",
      "watch undefined",
      "watch end",
    ]);
  },
);

test.runIf(process.platform !== "win32").each(drivers)(
  "%s: where SQLite can have no log beside the file, that is said",
  async (driver) => {
    const file = await temporaryFile();
    await (await connect({ file })).close();
    await rm(`${file}-wal`, { force: true });
    await rm(`${file}-shm`, { force: true });
    await chmod(file, 0o444);
    await chmod(dirname(file), 0o555);
    later(() => chmod(dirname(file), 0o755));
    const { output } = await start(command("./read.ts", { file, driver, readOnly: true }), somebody).ended;
    expect(output).toBe("failed PERMISSION_DENIED\n");
  },
);

test.runIf(process.platform === "linux").each(drivers)(
  "%s: where SQLite can write nothing beside a file, since nobody can write to the disk, that is said",
  async (driver) => {
    const { file } = await written();
    const disk = join(dirname(file), "disk");
    await mkdir(disk);
    await copyFile(file, join(disk, "test.db"));
    const mount = `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"`;
    for (const name of ["test.db", "new.db"]) {
      const child = command("./read.ts", { file: join(disk, name), driver });
      expect(await run([...inNamespace, "sh", "-c", mount, disk, ...child])).toBe("failed PERMISSION_DENIED\n");
    }
  },
);

describe.each([
  { what: "a new file in a directory that may not be written to", mode: 0o555 },
  { what: "a directory that may not be entered", mode: 0o000 },
])("$what", ({ mode }) => {
  test.runIf(process.platform !== "win32").each(drivers)("%s: is PERMISSION_DENIED", async (driver) => {
    const file = await temporaryFile();
    await chmod(dirname(file), mode);
    later(() => chmod(dirname(file), 0o755));
    const { output } = await start(command("./read.ts", { file, driver }), somebody).ended;
    expect(output).toBe("failed PERMISSION_DENIED\n");
  });
});

// Only root can become somebody else.
test.runIf(process.getuid?.() === 0).each(drivers)(
  "%s: whoever may only read leaves nothing beside the file that would lock its owner out",
  async (driver) => {
    const file = await temporaryFile();
    const manager = await connect({ file });
    await (await manager.createKeyValue({ bucket: "b" })).put("a", "end");
    await manager.close();
    const database = new Database(file, { readonly: true });
    database.exec(`VACUUM INTO '${file}.copy'`);
    database.close();
    for (const suffix of ["-wal", "-shm"]) await rm(`${file}${suffix}`, { force: true });
    await chmod(dirname(file), 0o777);
    const files = await readdir(dirname(file));
    for (const readOnly of [false, true]) {
      const { output } = await start(command("./read.ts", { file, driver, readOnly }), somebody).ended;
      expect(output).toBe("failed PERMISSION_DENIED\n");
    }
    // A copy has no write-ahead log, and needs no files beside it.
    const { output } = await start(command("./read.ts", { file: `${file}.copy`, driver }), somebody).ended;
    expect(output).toBe("read end\nput READ_ONLY\ncreate READ_ONLY\nwatch end\n");
    expect(await readdir(dirname(file))).toEqual(files);
  },
);
