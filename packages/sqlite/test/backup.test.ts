import { copyFile, rm } from "node:fs/promises";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { open, temporaryFile } from "./open.ts";

test("a backup is whole while others write, and where it is put back a watcher ahead of it learns of the loss", async () => {
  const file = await temporaryFile();
  const manager = await connect({ file });
  const kv = await manager.createKeyValue({ bucket: "b", history: 64 });
  const puts = (from: typeof kv, count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => from.put(`key.${index}`, "x")));
  await puts(kv, 10);
  const database = new Database(file, { readonly: true });
  const writing: Promise<number>[] = [];
  await database.backup(`${file}.copy`, {
    progress: ({ remainingPages }) => {
      // A page at a time, until ten more were put while there was something left to copy.
      if (remainingPages > 0 && writing.length < 10) writing.push(kv.put(`key.${writing.length}`, "y"));
      return 1;
    },
  });
  database.close();
  expect(await Promise.all(writing)).toHaveLength(10);
  await puts(kv, 10);
  const { lastRevision, incarnation } = await kv.status();
  expect(lastRevision).toBe(30);
  await manager.close();

  await copyFile(`${file}.copy`, file);
  for (const suffix of ["-wal", "-shm"]) await rm(`${file}${suffix}`, { force: true });
  const restored = await (await open({ file })).keyValue("b");
  const status = await restored.status();
  expect(status.incarnation).toBe(incarnation);
  expect(status.lastRevision).toBeGreaterThanOrEqual(10);
  expect(status.lastRevision).toBeLessThanOrEqual(20);
  expect(status.values).toBe(status.lastRevision);
  const resume = { resumeFromRevision: lastRevision + 1, resumeIncarnation: incarnation };
  await expect(restored.watch(">", resume)).rejects.toMatchObject({ code: "HISTORY_LOST" });
});
