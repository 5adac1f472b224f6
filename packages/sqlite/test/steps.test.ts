import { nextTurn } from "@revkv/api/adapter";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { later, open, temporaryFile } from "./open.ts";

/** Another connection to a file, by the library that the managers of these tests use. */
function look(file: string): { readonly database: Database.Database; count(table: string): number } {
  const database = new Database(file, { timeout: 0 });
  later(() => database.close());
  const count = (table: string): number => database.prepare(`SELECT count(*) FROM "${table}"`).pluck().get() as number;
  return { database, count };
}

test("a bucket that is deleted is gone at once, and its rows go in steps", { timeout: 30_000 }, async () => {
  const file = await temporaryFile();
  const manager = await open({ file, driver: "better-sqlite3", synchronous: "normal" });
  const kv = await manager.createKeyValue({ bucket: "b", maxBytes: 10 ** 9 });
  const many = Array.from({ length: 12_000 }, (_, index) => `k.${index}`);
  await Promise.all(many.map((key) => kv.put(key, "1")));
  const { database, count } = look(file);
  database.exec("CREATE VIEW broken AS SELECT * FROM missing");
  await manager.deleteKeyValue("b");
  expect(count("revkv_dropped_1")).toBe(many.length);
  await expect(kv.get("k.0")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
  const again = await manager.createKeyValue({ bucket: "b" });
  expect(await again.put("k.0", "2")).toBe(1);
  const left = database.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%dropped\\__%' ESCAPE '\\'").pluck();
  await expect.poll(() => left.all()).toEqual([]);
  expect(count("revkv_dropped")).toBe(0);
  expect((await again.status()).values).toBe(1);
});

test.each([
  { values: 30, mebibytes: 1, most: 4 },
  { values: 6, mebibytes: 3, most: 1 },
  { values: 3, mebibytes: 5, most: 1 },
])("of a bucket with values of $mebibytes MiB no step removes more than $most", { timeout: 30_000 }, async (given) => {
  const file = await temporaryFile();
  const manager = await open({ file, driver: "better-sqlite3", synchronous: "normal" });
  const kv = await manager.createKeyValue({ bucket: "b" });
  const { values, mebibytes, most } = given;
  for (let index = 0; index < values; index += 1) await kv.put(`k.${index}`, new Uint8Array(mebibytes * 2 ** 20));
  const { count } = look(file);
  await manager.deleteKeyValue("b");
  const left = [values];
  while (count("revkv_dropped") > 0) {
    left.push(count("revkv_dropped_1"));
    // Each step is in a turn of its own.
    await nextTurn();
  }
  const removed = left.slice(1).map((rows, look) => (left[look] ?? 0) - rows);
  expect(Math.max(...removed)).toBe(most);
});
