import { Client } from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startPgBouncer } from "../src/pgbouncer.ts";
import type { PostgresServer } from "../src/postgres.ts";
import { databaseOf, startPostgres } from "../src/postgres.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ fsync: false });
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

async function backend(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number; name: string }>("SELECT pg_backend_pid() AS pid");
  return rows[0]?.pid ?? 0;
}

test("in transaction mode clients share a connection to the same database", async () => {
  const { name, url } = await databaseOf(server);
  const bouncer = await startPgBouncer(url, { mode: "transaction", settings: { default_pool_size: 1 } });
  onTestFinished(() => bouncer[Symbol.asyncDispose]());
  const [one, other] = [await client(bouncer.url), await client(bouncer.url)];
  expect((await one.query("SELECT current_database() AS name")).rows).toEqual([{ name }]);
  expect(await backend(one)).toBe(await backend(other));
});

test("in session mode each client has its own", async () => {
  const bouncer = await startPgBouncer(server.url, { mode: "session" });
  onTestFinished(() => bouncer[Symbol.asyncDispose]());
  const [one, other] = [await client(bouncer.url), await client(bouncer.url)];
  expect(await backend(one)).not.toBe(await backend(other));
});

test("it serves again after a restart and after a kill", async () => {
  const bouncer = await startPgBouncer(server.url, { mode: "transaction" });
  onTestFinished(() => bouncer[Symbol.asyncDispose]());
  await bouncer.restart();
  expect(await backend(await client(bouncer.url))).toBeGreaterThan(0);
  await bouncer.kill();
  await expect(client(bouncer.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await bouncer.restart();
  expect(await backend(await client(bouncer.url))).toBeGreaterThan(0);
});
