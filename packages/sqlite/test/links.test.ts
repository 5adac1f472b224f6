import { chmod, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeyValueManager } from "@revkv/api";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { command, start } from "./children/spawn.ts";
import { later, open, temporaryFile } from "./open.ts";
import { somebody } from "./somebody.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;

/** A file, and a link to it in a folder of its own; there is no file yet. */
async function linked(): Promise<{ readonly file: string; readonly link: string }> {
  const file = await temporaryFile();
  const link = join(dirname(file), "links", "linked.db");
  await mkdir(dirname(link));
  await symlink("../test.db", link);
  return { file, link };
}

const onUnix = test.runIf(process.platform !== "win32");

onUnix.each(drivers)("%s: a file that is created through a link is known by its own path, too", async (driver) => {
  const { file, link } = await linked();
  await (await (await open({ file: link, driver })).createKeyValue({ bucket: "b" })).put("a", "1");
  const [other] = drivers.filter((name) => name !== driver);
  await expect(connect({ file, driver: other })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  expect((await (await (await open({ file, driver })).keyValue("b")).get("a"))?.string()).toBe("1");
  expect(await readdir(dirname(link))).toEqual(["linked.db"]);
});

onUnix.each(drivers)("%s: a link is followed from where it is, also when links lead there", async (driver) => {
  const { file, link } = await linked();
  const way = join(dirname(file), "deep", "er", "way");
  await mkdir(dirname(way), { recursive: true });
  await symlink(dirname(link), way);
  await (await (await open({ file: join(way, "linked.db"), driver })).createKeyValue({ bucket: "b" })).put("a", "1");
  expect((await (await (await open({ file, driver })).keyValue("b")).get("a"))?.string()).toBe("1");
  expect(await readdir(dirname(way))).toEqual(["way"]);
});

onUnix.each(drivers)("%s: a link to a path that ends with white space is refused as the path is", async (driver) => {
  const link = await temporaryFile();
  await symlink("other.db ", link);
  await expect(connect({ file: link, driver })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(await readdir(dirname(link))).toEqual(["test.db"]);
});

onUnix.each(drivers)("%s: a link to itself is no file", async (driver) => {
  const file = await temporaryFile();
  await symlink("test.db", file);
  await expect(connect({ file, driver })).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

onUnix.each(drivers)("%s: whoever may only read does so through a link, too", async (driver) => {
  const { file, link } = await linked();
  await (await (await open({ file })).createKeyValue({ bucket: "b" })).put("a", "end");
  for (const path of [file, `${file}-wal`, `${file}-shm`]) await chmod(path, 0o444);
  await chmod(dirname(file), 0o555);
  later(() => chmod(dirname(file), 0o755));
  const { output } = await start(command("./read.ts", { file: link, driver }), somebody).ended;
  expect(output).toBe("read end\nput READ_ONLY\ncreate READ_ONLY\nwatch end\n");
});

const ways: readonly (readonly [string, (link: string) => Promise<KeyValueManager>])[] = [
  ["file", (link) => open({ file: link })],
  [
    "Database",
    (link) => {
      const database = new Database(link, { timeout: 0 });
      later(() => database.close());
      database.pragma("journal_mode = WAL");
      return open({ database });
    },
  ],
];

test.runIf(process.platform === "linux").each(ways)(
  "through a link to the %s, too, the file system is asked to tell of changes",
  async (_, openLink) => {
    const { file, link } = await linked();
    const kv = await (await openLink(link)).createKeyValue({ bucket: "b" });
    await (await kv.watch("a", { updatesOnly: true }))[Symbol.asyncIterator]().next();
    const { ino } = await stat(`${file}-wal`);
    expect(await watchedFiles()).toContain(ino);
  },
);

/** The files by their numbers that this process has the system watch. */
async function watchedFiles(): Promise<readonly number[]> {
  const folder = "/proc/self/fdinfo";
  const infos = (await readdir(folder)).map((name) => readFile(join(folder, name), "utf8").catch(() => ""));
  const lines = (await Promise.all(infos)).join("\n").matchAll(/^inotify wd:\w+ ino:(\w+)/gm);
  return Array.from(lines, ([, ino = ""]) => Number.parseInt(ino, 16));
}
