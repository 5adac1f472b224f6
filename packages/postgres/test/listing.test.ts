import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { execute, sharedServer } from "./harness.ts";

test("L1: keys are listed by byte, in pages, where the database sorts by a language", async () => {
  const { url } = await sharedServer();
  const name = `revkv_${randomBytes(6).toString("hex")}`;
  await execute(url, `CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`);
  const database = new URL(url);
  database.pathname = `/${name}`;
  const manager = await connect(database.href);
  const bucket = await manager.createKeyValue({ bucket: "b" });
  const keys = Array.from({ length: 1200 }, (_, index) => `${index % 2 === 0 ? "a" : "Z"}.${index}`);
  await Promise.all(keys.map((key) => bucket.put(key, "x")));
  expect(await bucket.keys()).toEqual(keys.toSorted((one, other) => (one < other ? -1 : 1)));
  expect((await bucket.keys(["a.>", "Z.>"])).length).toBe(1200);
  expect(await bucket.deleteAll()).toBe(1200);
  await manager.close();
  await execute(url, `DROP DATABASE ${name} WITH (FORCE)`);
});

test("W7: a slow watcher of a filter goes on behind what was sorted for it", async () => {
  const { url } = await sharedServer();
  const schema = `test_${randomBytes(6).toString("hex")}`;
  const manager = await connect({ connectionString: url, schema });
  const bucket = await manager.createKeyValue({ bucket: "b" });
  const put = (prefix: string, from: number, to: number): Promise<unknown> =>
    Promise.all(Array.from({ length: to - from }, (_, index) => bucket.put(`${prefix}.${from + index}`, "x")));
  const watcher = await bucket.watch("a.*", { updatesOnly: true });
  const entries = watcher[Symbol.asyncIterator]();
  expect((await entries.next()).value).toBeNull();
  await put("a", 0, 1000);
  await put("b", 0, 11_000);
  const seen: (string | undefined)[] = [];
  const take = async (count: number): Promise<void> => {
    for (; count > 0; count -= 1) seen.push((await entries.next()).value?.key);
  };
  await take(510);
  await put("b", 11_000, 13_000);
  await put("a", 1000, 1050);
  await take(540);
  expect(new Set(seen).size).toBe(1050);
  await manager.close();
  await execute(url, `DROP SCHEMA ${schema} CASCADE`);
});
