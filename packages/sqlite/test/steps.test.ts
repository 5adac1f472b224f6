import { nextTurn } from "@revkv/api/adapter";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { later, open, temporaryFile } from "./open.ts";

const keys = Array.from({ length: 2000 }, (_, index) => `k.${String(index).padStart(4, "0")}`);
const last = keys.at(-1) as string;

/** Another connection to a file, by the library that the managers of these tests use. */
function look(file: string): { readonly database: Database.Database; count(table: string): number } {
  const database = new Database(file, { timeout: 0 });
  later(() => database.close());
  const count = (table: string): number => database.prepare(`SELECT count(*) FROM "${table}"`).pluck().get() as number;
  return { database, count };
}

test.each(["by the sweeper", "by the next change"])(
  "B6: what a lowered history leaves over when its call is given up is removed %s",
  async (how) => {
    const file = await temporaryFile();
    const options = { file, driver: "better-sqlite3", synchronous: "normal" } as const;
    const manager = await open(options);
    const impatient = await open({ ...options, timeout: 200 });
    const kv = await manager.createKeyValue({ bucket: "b", history: 3 });
    for (const value of ["1", "2", "3"]) await Promise.all(keys.map((key) => kv.put(key, value)));
    const { database, count } = look(file);
    const lowering = impatient.updateKeyValue({ bucket: "b", history: 1 }).then(
      () => "done",
      ({ code }) => code,
    );
    while ((await kv.status()).history === 3) await nextTurn();
    database.exec("BEGIN IMMEDIATE");
    // What it has changed already it cannot take back.
    expect(await lowering).toBe("OUTCOME_UNKNOWN");
    expect(count("revkv_rows_1")).toBeGreaterThan(keys.length);
    database.exec("COMMIT");
    await kv.purge(last);
    expect((await kv.history(last)).map(({ operation }) => operation)).toEqual(["PURGE"]);
    if (how === "by the sweeper") {
      await expect.poll(() => count("revkv_rows_1"), { timeout: 10_000 }).toBe(keys.length);
    } else {
      await manager.updateKeyValue({ bucket: "b", history: 3 });
      expect(count("revkv_rows_1")).toBe(keys.length);
    }
    expect(await kv.history(">")).toHaveLength(keys.length);
  },
);

test("a bucket that is deleted is gone at once, and its rows go in steps", async () => {
  const file = await temporaryFile();
  const manager = await open({ file, driver: "better-sqlite3", synchronous: "normal" });
  const kv = await manager.createKeyValue({ bucket: "b", maxBytes: 10 ** 9 });
  const many = Array.from({ length: 12_000 }, (_, index) => `k.${index}`);
  await Promise.all(many.map((key) => kv.put(key, "1")));
  const { database, count } = look(file);
  await manager.deleteKeyValue("b");
  expect(count("revkv_dropped_1")).toBe(many.length);
  await expect(kv.get(last)).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
  const again = await manager.createKeyValue({ bucket: "b" });
  expect(await again.put(last, "2")).toBe(1);
  const left = database.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%dropped\\__%' ESCAPE '\\'").pluck();
  await expect.poll(() => left.all(), { timeout: 10_000 }).toEqual([]);
  expect(count("revkv_dropped")).toBe(0);
  expect((await again.status()).values).toBe(1);
});
