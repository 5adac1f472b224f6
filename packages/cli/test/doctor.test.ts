import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { databaseOf, startPostgres } from "@revkv/servers/postgres";
import { redisCommand, startRedis } from "@revkv/servers/redis";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { clockFinding } from "../src/doctor/finding.ts";
import { json, jsonLines, printed, revkv } from "./revkv.ts";
import { postgresStore, sqliteStore, stores, temporaryDirectory } from "./stores.ts";

/** What the doctor says, by check. */
async function examined(
  store: string,
): Promise<{ readonly code: number | null; readonly states: Record<string, unknown> }> {
  const { code, stdout, stderr } = await revkv(["doctor", store, "--json"]);
  expect(stderr).toBe("");
  const findings = jsonLines(stdout);
  for (const { state, advice } of findings) expect(advice === undefined).toBe(state === "ok");
  return { code, states: Object.fromEntries(findings.map(({ check, state }) => [check, state])) };
}

describe("doctor", { timeout: 120_000 }, () => {
  test.each(stores)("finds nothing wrong with $name", async ({ open }) => {
    const store = await open();
    await printed(["add", "flags", "-s", store]);
    const { code, states } = await examined(store);
    expect([code, Object.values(states).includes("failure")]).toEqual([0, false]);
    expect(states).toMatchObject({ version: "ok", buckets: "ok" });
  });

  test.each(["postgres://127.0.0.1:1/db", "redis://127.0.0.1:1", "sqlite:./missing.db"])(
    "%s is not there",
    async (store) => {
      const { code, states } = await examined(store);
      expect([code, Object.values(states)]).toEqual([1, ["failure"]]);
    },
  );

  test("a file that is no database, or has no write-ahead log", async () => {
    const file = join(await temporaryDirectory(), "text.db");
    await writeFile(file, "no database at all ".repeat(300));
    expect(await examined(`sqlite:${file}`)).toMatchObject({ code: 1, states: { database: "failure" } });
    const store = await sqliteStore.open();
    await printed(["add", "flags", "-s", store]);
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(store.slice("sqlite:".length));
    database.exec("PRAGMA journal_mode = DELETE");
    database.close();
    expect(await examined(store)).toMatchObject({ code: 1, states: { version: "ok", journal: "failure" } });
  });

  test("a Postgres schema that is missing, or that this user may not use, and settings that lose writes", async () => {
    await using server = await startPostgres({ fsync: false, settings: { synchronous_commit: "off" } });
    await using database = await databaseOf(server);
    expect(await examined(database.url)).toMatchObject({
      states: { migrations: "warning", fsync: "warning", commits: "warning" },
    });
    await printed(["add", "flags", "-s", database.url]);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("CREATE ROLE somebody LOGIN");
    const url = new URL(database.url);
    url.username = "somebody";
    expect(await examined(url.href)).toMatchObject({ code: 1, states: { permissions: "failure" } });
    await client.query(
      "GRANT USAGE ON SCHEMA revkv TO somebody; GRANT SELECT ON ALL TABLES IN SCHEMA revkv TO somebody",
    );
    expect(await examined(url.href)).toMatchObject({ code: 1, states: { migrations: "ok", permissions: "failure" } });
    await client.query("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA revkv TO somebody");
    expect(await examined(url.href)).toMatchObject({ code: 0, states: { permissions: "ok", buckets: "ok" } });
    await client.end();
  });

  test("a password that is wrong is what the advice is about, and is not shown", async () => {
    await using server = await startRedis({ requirepass: "right" });
    const url = server.url.replace("//", "//:wrong@");
    for (const env of [{}, { REVKV_DEBUG: "1" }]) {
      const { stdout, stderr } = await revkv(["doctor", url, "--json"], { env });
      expect(jsonLines(stdout)).toMatchObject([
        { check: "reachable", advice: expect.stringContaining("the password") as string },
      ]);
      expect(stdout + stderr).not.toContain("wrong@");
    }
  });

  test("a Redis that throws keys away, is nearly full, or keeps nothing on disk", async () => {
    await using server = await startRedis();
    expect(await examined(server.url)).toMatchObject({
      code: 0,
      states: { memory: "ok", durability: "ok", role: "ok" },
    });
    await redisCommand(
      server,
      "CONFIG",
      "SET",
      "appendonly",
      "no",
      "maxmemory",
      "1mb",
      "maxmemory-policy",
      "allkeys-lru",
    );
    expect(await examined(server.url)).toMatchObject({
      code: 1,
      states: { memory: "failure", room: "warning", durability: "warning" },
    });
  });

  test("changes nothing", async () => {
    const store = await postgresStore.open();
    await examined(store);
    const client = new pg.Client({ connectionString: store });
    await client.connect();
    const { rows } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = 'revkv'");
    await client.end();
    expect(rows).toEqual([]);
  });

  test("clocks that are apart are told", () => {
    expect(clockFinding(10_000, 9990, 10_010).state).toBe("ok");
    expect(clockFinding(12_000, 9990, 10_010)).toMatchObject({
      state: "warning",
      detail: expect.stringContaining("ahead") as string,
    });
    expect(clockFinding(8000, 9990, 10_010)).toMatchObject({
      state: "warning",
      detail: expect.stringContaining("behind") as string,
    });
  });

  test("what is no URL is wrong usage", async () => {
    expect(await revkv(["doctor", "nonsense"])).toMatchObject({ code: 2, stdout: "" });
    expect(await json(["doctor", await sqliteStore.open()]).catch(() => "failed")).toBe("failed");
  });
});
