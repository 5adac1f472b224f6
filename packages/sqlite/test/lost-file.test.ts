import { copyFile, readFile, rename, rm } from "node:fs/promises";
import type { KeyValue } from "@revkv/api";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { later, open, temporaryFile } from "./open.ts";

const ways = ["better-sqlite3", "node:sqlite", "Database"] as const;

async function bucketOn(file: string, way: (typeof ways)[number]): Promise<KeyValue> {
  if (way !== "Database") return await (await open({ file, driver: way })).createOrUpdateKeyValue({ bucket: "b" });
  const database = new Database(file, { timeout: 0 });
  later(() => database.close());
  database.pragma("journal_mode = WAL");
  return await (await open({ database })).createOrUpdateKeyValue({ bucket: "b" });
}

/** Repeats something until it fails, and gives the code. */
async function failureOf(attempt: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      await attempt();
    } catch (error) {
      return (error as { readonly code?: unknown }).code;
    }
  }
}

test.runIf(process.platform !== "win32").each(ways)(
  "%s: a file that is moved away takes no more writes, until it is back",
  async (way) => {
    const file = await temporaryFile();
    const kv = await bucketOn(file, way);
    await kv.put("a", "1");
    await rename(file, `${file}.away`);
    expect(await failureOf(() => kv.put("a", "2"))).toBe("UNAVAILABLE");
    await expect(kv.put("a", "3")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(kv.get("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await rename(`${file}.away`, file);
    await kv.put("a", "4");
    expect((await kv.get("a"))?.string()).toBe("4");
  },
);

test.runIf(process.platform !== "win32").each(ways)(
  "%s: a file that is replaced takes no more writes, its watchers end, and the new one is left alone",
  async (way) => {
    const file = await temporaryFile();
    await bucketOn(`${file}.other`, "better-sqlite3");
    const kv = await bucketOn(file, way);
    await kv.put("a", "1");
    const entries = (await kv.watch("a", { updatesOnly: true }))[Symbol.asyncIterator]();
    await entries.next();
    const next = entries.next().catch((error: unknown) => error);
    await copyFile(`${file}.other`, `${file}.copy`);
    await rename(`${file}.copy`, file);
    const before = await readFile(file);
    expect(await next).toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
    expect(await failureOf(() => kv.put("a", "2"))).toBe("INCOMPATIBLE_STORAGE");
    expect(await failureOf(() => kv.get("a"))).toBe("INCOMPATIBLE_STORAGE");
    expect((await readFile(file)).equals(before)).toBe(true);
    for (const suffix of ["", "-wal", "-shm"]) await rm(`${file}${suffix}`, { force: true });
  },
);
