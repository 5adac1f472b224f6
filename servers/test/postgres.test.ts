import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { PostgresServer } from "../src/postgres.ts";
import { databaseOf, startPostgres, testPostgres } from "../src/postgres.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: { shared_preload_libraries: "pg_stat_statements" } });
});
afterAll(() => server[Symbol.asyncDispose]());

async function client(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {
    // Connections break in these tests.
  });
  onTestFinished(() => client.end());
  await client.connect();
  return client;
}

async function values(client: Client, statement: string): Promise<unknown[]> {
  const { rows } = await client.query<unknown[]>({ text: statement, rowMode: "array" });
  return rows.map(([value]) => value);
}

async function filled(): Promise<string> {
  const { url } = await databaseOf(server);
  const connection = await client(url);
  await connection.query("CREATE TABLE kept AS SELECT 'here' AS value");
  return url;
}

test("it has the settings asked for, and is durable unless told otherwise", async () => {
  const connection = await client(server.url);
  expect(await values(connection, "SHOW fsync")).toEqual(["on"]);
  expect(await values(connection, "SHOW shared_preload_libraries")).toEqual(["pg_stat_statements"]);
  expect(await values(connection, "SHOW server_encoding")).toEqual(["UTF8"]);
});

test("it listens on a socket in its directory too", async () => {
  const { port, directory } = server;
  const connection = await client(`postgres://postgres@/postgres?host=${encodeURIComponent(directory)}&port=${port}`);
  expect(await values(connection, "SELECT inet_server_addr()")).toEqual([null]);
});

test("a restart keeps the data and the port", async () => {
  const url = await filled();
  await server.restart();
  expect(await values(await client(url), "SELECT value FROM kept")).toEqual(["here"]);
});

test("it is there again after a crash", async () => {
  const url = await filled();
  await server.kill();
  await expect(client(url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  const before = server.log().length;
  await server.restart();
  expect(await values(await client(url), "SELECT value FROM kept")).toEqual(["here"]);
  expect(server.log().slice(before)).toContain("database system was not properly shut down");
});

test("while it is paused no connection answers; afterwards all do", async () => {
  const connection = await client(server.url);
  await server.pause();
  let isAnswered = false;
  const answer = values(connection, "SELECT 1").then((rows) => {
    isAnswered = true;
    return rows;
  });
  // A second server in the meantime: more time than an answer takes.
  const other = await startPostgres({ fsync: false });
  await other[Symbol.asyncDispose]();
  expect(isAnswered).toBe(false);
  await server.resume();
  expect(await answer).toEqual([1]);
});

test("a paused one can be stopped", async () => {
  await server.pause();
  await server.stop();
  await server.restart();
  expect(await values(await client(server.url), "SELECT 1")).toEqual([1]);
});

test("databases are separate, and dropped also while they are used", async () => {
  const [one, other] = await Promise.all([databaseOf(server), databaseOf(server)]);
  const connection = await client(one.url);
  await connection.query("CREATE TABLE t ()");
  await (await client(other.url)).query("CREATE TABLE t ()");
  await one[Symbol.asyncDispose]();
  const names = await values(await client(server.url), "SELECT datname FROM pg_database");
  expect(names).toContain(other.name);
  expect(names).not.toContain(one.name);
});

test("what keeps it from starting is told, and its directory is gone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "revkv-servers-"));
  await chmod(folder, 0o755);
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const failure = await startPostgres({ settings: { max_connections: "many" } }).catch((error: unknown) => error);
  expect(String(failure)).toContain('invalid value for parameter "max_connections": "many"');
  expect(await readdir(folder)).toEqual([]);
  await rmdir(folder);
});

test("disposed of, its directory is gone; twice is once", async () => {
  const other = await startPostgres({ fsync: false });
  expect(existsSync(other.directory)).toBe(true);
  await other[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  expect(existsSync(other.directory)).toBe(false);
});

test("tests use the server that the environment names", async () => {
  vi.stubEnv("REVKV_TEST_POSTGRES_URL", server.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  const shared = await testPostgres();
  expect(shared.url).toBe(server.url);
  await shared[Symbol.asyncDispose]();
  expect(await values(await client(server.url), "SELECT 1")).toEqual([1]);
});

test("without one they get their own", async () => {
  vi.stubEnv("REVKV_TEST_POSTGRES_URL", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const shared = await testPostgres();
  onTestFinished(() => shared[Symbol.asyncDispose]());
  expect(await values(await client(shared.url), "SHOW fsync")).toEqual(["off"]);
});
