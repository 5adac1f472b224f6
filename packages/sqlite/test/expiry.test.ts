import type { NormalizedConfig } from "@revkv/api";
import type { Unit } from "@revkv/api/adapter";
import { parseConfig } from "@revkv/api/adapter";
import Database from "better-sqlite3";
import { afterEach, expect, test, vi } from "vitest";
import { BetterSqlite3Driver } from "../src/better-sqlite3-driver.ts";
import { Connection } from "../src/connection.ts";
import { migrate } from "../src/schema.ts";
import { SqliteStorage } from "../src/sqlite-storage.ts";
import { Store } from "../src/store.ts";
import { later } from "./open.ts";

const call = { signal: new AbortController().signal };

afterEach(() => {
  vi.useRealTimers();
});

function inMemory(): BetterSqlite3Driver {
  const database = new Database(":memory:");
  later(() => database.close());
  return new BetterSqlite3Driver(database);
}

async function storageOn(driver: BetterSqlite3Driver): Promise<SqliteStorage> {
  const connection = new Connection(driver);
  await migrate(connection, "revkv_", call);
  return new SqliteStorage(new Store(connection, "revkv_", undefined), false, () => undefined);
}

function configOf(bucket: string): NormalizedConfig {
  return parseConfig(JSON.stringify({ bucket, history: 1, limitMarkerTtl: 60_000 }));
}

test("W13: markers that lapsed count from then on, however long nobody removes them, in whatever order they lapse", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const storage = await storageOn(inMemory());
  const { bucket } = await storage.createBucket(configOf("b"), call);
  const begin = Date.now();
  const purges = [5000, 40_000, 1000, 60_000].map((ttl, index): Unit => {
    return [{ op: "purge", key: `key.${index}`, value: new Uint8Array(0), expect: undefined, ttl }];
  });
  await bucket.commit(purges, call);
  const compacted: number[] = [];
  for (const passed of [0, 999, 1000, 1000, 5000, 30_000, 30_000, 39_999, 40_000, 59_999, 60_000, 3_600_000]) {
    vi.setSystemTime(begin + passed);
    compacted.push((await bucket.head(call)).compactedTo);
  }
  expect(compacted).toEqual([0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4]);
});

test.each(["before", "after"] as const)(
  "a bucket that is deleted right %s its first deadline was looked up keeps no other from being swept",
  async (when) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const driver = inMemory();
    const query = driver.query.bind(driver);
    let isDeleted = false;
    driver.query = (sql) => {
      const statement = query(sql);
      if (!/WHERE expires IS NOT NULL ORDER BY expires/.test(sql)) return statement;
      const get = statement.get.bind(statement);
      const erase = (): void => {
        if (!isDeleted) void storage.deleteBucket("gone", call);
        isDeleted = true;
      };
      statement.get = (...parameters) => {
        if (when === "before") erase();
        const row = get(...parameters);
        if (when === "after") erase();
        return row;
      };
      return statement;
    };
    const storage = await storageOn(driver);
    const put: Unit = [{ op: "put", key: "key", value: "x", expect: undefined, ttl: 1000 }];
    for (const bucket of ["gone", "stays"]) {
      await (await storage.createBucket(configOf(bucket), call)).bucket.commit([put], call);
    }
    vi.setSystemTime(Date.now() + 1000);
    expect(await storage.sweep(500, call)).toEqual({ next: 0 });
    expect(isDeleted).toBe(true);
    const stays = await storage.openBucket("stays", call);
    expect(await stays?.bucket.head(call)).toEqual({ revision: 2, compactedTo: 0 });
  },
);

test("a change of the config carries out what is due in many steps, between which others write", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const driver = inMemory();
  const command = driver.command.bind(driver);
  let transactions = 0;
  driver.command = (sql) => {
    const statement = command(sql);
    if (sql !== "BEGIN IMMEDIATE") return statement;
    const run = statement.run.bind(statement);
    statement.run = (...parameters) => {
      transactions += 1;
      return run(...parameters);
    };
    return statement;
  };
  const config = configOf("b");
  const { bucket } = await (await storageOn(driver)).createBucket(config, call);
  const units = Array.from({ length: 2000 }, (_, index): Unit => {
    return [{ op: "put", key: `key.${index}`, value: "x", expect: undefined, ttl: 1000 }];
  });
  await bucket.commit(units, call);
  vi.setSystemTime(Date.now() + 1000);
  transactions = 0;
  expect(await bucket.configure(config, { ...config, limitMarkerTtl: 90_000 }, call)).toBe(true);
  expect(transactions).toBeGreaterThan(5);
  expect((await bucket.head(call)).revision).toBe(4000);
  const late = { signal: AbortSignal.abort() };
  vi.setSystemTime(Date.now() + 60_000);
  await expect(bucket.configure(config, config, late)).rejects.toMatchObject({ code: "TIMEOUT" });
});
