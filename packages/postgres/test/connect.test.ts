import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyValueErrorCode, KeyValueEvent } from "@revkv/api";
import { startPostgres } from "@revkv/servers/postgres";
import pg from "pg";
import { expect, test } from "vitest";
import type { PostgresOptions, PostgresPool } from "../src/index.ts";
import { connect, ddl } from "../src/index.ts";
import { Statements } from "../src/statements.ts";
import { execute } from "./harness.ts";
import { emptyDatabase, follow, later, open, poolOf, runChild, takeDown } from "./open.ts";
import { createRole } from "./roles.ts";

/** Nobody listens there. */
const nowhere = "postgres://postgres@127.0.0.1:1/postgres";

/** The URL of something that takes connections and does with them what it likes. */
async function imposter(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`;
}

function failure(code: KeyValueErrorCode, message: string): object {
  return { code, message: expect.stringContaining(message) };
}

test("options that are wrong or unknown are refused before anything is connected", async () => {
  const url = nowhere;
  const pool = { connect: () => Promise.reject(new Error("nobody asked for a connection")) };
  const wrong: readonly unknown[] = [
    undefined,
    null,
    5,
    "",
    "localhost",
    "mysql://localhost/db",
    "postgres://localhost:99999/db",
    {},
    { connectionString: undefined },
    { connectionString: 5 },
    { connectionString: url, pool },
    { connectionString: url, shema: "revkv" },
    { connectionString: url, schema: "" },
    { connectionString: url, schema: "1st" },
    { connectionString: url, schema: 'a"b' },
    { connectionString: url, schema: "a$$b" },
    { connectionString: url, schema: "a.b" },
    { connectionString: url, schema: "pg_revkv" },
    { connectionString: url, schema: "x".repeat(64) },
    { connectionString: url, schema: null },
    { connectionString: url, migrate: "yes" },
    { connectionString: url, preparedStatements: 1 },
    { connectionString: url, max: 0 },
    { connectionString: url, max: 1.5 },
    { connectionString: url, heartbeatInterval: -1 },
    { connectionString: url, heartbeatInterval: 2 ** 31 },
    { connectionString: url, listenConnectionString: "localhost" },
    { connectionString: url, listenConnectionString: null },
    { connectionString: url, timeout: 0 },
    { connectionString: url, timeout: "5s" },
    { connectionString: url, onEvent: true },
    { pool: undefined },
    { pool: {} },
    { pool: url },
    { pool: new pg.Client(url) },
    { pool, max: 5 },
    { pool, schema: "a b" },
    { pool: new pg.Pool({ connectionString: url, ...{ binary: true } }) },
  ];
  for (const options of wrong) {
    await expect(connect(options as string), String(JSON.stringify(options))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  }
  for (const args of [["a b"], [""], ["revkv", -1], ["revkv", 0.5]]) {
    expect(() => ddl(...(args as [string]))).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
});

test("a password is told by no message", async () => {
  const error = await connect("postgres://me:secret@localhost:99999/db").catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
  const { message, cause } = error as Error;
  expect(`${message} ${JSON.stringify(cause)} ${String(cause)} ${(cause as { input?: string }).input}`).not.toContain(
    "secret",
  );
});

test("a wrong password is PERMISSION_DENIED", async () => {
  const directory = await mkdtemp(join(tmpdir(), "revkv-hba-"));
  later(() => rm(directory, { recursive: true }));
  // The server may run as somebody else.
  await chmod(directory, 0o755);
  const file = join(directory, "pg_hba.conf");
  await writeFile(file, "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
  const server = await startPostgres({ fsync: false, settings: { hba_file: file } });
  later(() => server[Symbol.asyncDispose]());
  const role = await createRole(server.url);
  const wrong = new URL(role.url);
  wrong.password = "wrong";
  await expect(connect(wrong.href)).rejects.toMatchObject(failure("PERMISSION_DENIED", role.name));
  await execute(server.url, `CREATE SCHEMA revkv AUTHORIZATION ${role.name}`);
  await (await open(role.url)).createKeyValue({ bucket: "b" });
});

test("what is wrong with the database is told by code and message", async () => {
  const url = await emptyDatabase();
  const other = (part: "pathname" | "username", value: string): string => {
    const changed = new URL(url);
    changed[part] = value;
    return changed.href;
  };
  const role = await createRole(url);
  later(() => role[Symbol.asyncDispose]());
  await execute(url, `ALTER ROLE ${role.name} CONNECTION LIMIT 0`);
  const cases: readonly (readonly [string, object])[] = [
    [other("pathname", "/none"), failure("INCOMPATIBLE_STORAGE", "none")],
    [other("username", "nobody_here"), failure("PERMISSION_DENIED", "nobody_here")],
    [role.url, failure("UNAVAILABLE", "too many connections")],
    [nowhere, failure("UNAVAILABLE", "ECONNREFUSED")],
    [await imposter((socket) => socket.destroy()), failure("UNAVAILABLE", "cannot be reached")],
    [await imposter((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")), { name: "KeyValueError" }],
  ];
  for (const [connectionString, expected] of cases) {
    await expect(connect({ connectionString, timeout: 2000 }), connectionString).rejects.toMatchObject(expected);
  }
});

test("a server that takes connections and never answers is TIMEOUT, in time", async () => {
  const url = await imposter(() => undefined);
  const attempts = Array.from({ length: 5 }, () => connect({ connectionString: url, timeout: 500 }));
  for (const { status, ...rest } of await Promise.allSettled(attempts)) {
    expect(status).toBe("rejected");
    expect(rest).toMatchObject({ reason: failure("TIMEOUT", "500 ms") });
  }
});

test("whoever waits for another's migration in vain is told in time, and leaves no connection behind", async () => {
  const url = await emptyDatabase();
  const { lock } = new Statements("revkv");
  const client = await poolOf(url, { max: 1 }).connect();
  later(() => client.release());
  await client.query("SELECT pg_advisory_lock($1, 0)", [lock]);
  await expect(connect({ connectionString: url, timeout: 500 })).rejects.toMatchObject(failure("TIMEOUT", "500 ms"));
  await client.query("SELECT pg_advisory_unlock_all()");
  const count = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()";
  await expect.poll(async () => (await client.query(count)).rows[0]).toEqual({ n: 1 });
  await open(url);
});

test("connect that fails gives the application's pool back as it was", async () => {
  const pool = poolOf(await emptyDatabase());
  await expect(connect({ pool, migrate: false })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  expect([pool.idleCount, pool.waitingCount]).toEqual([pool.totalCount, 0]);
  expect(pool.eventNames()).toEqual(["error"]);
  expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

test("a closed manager leaves the application's pool open and as it was, and no connection of its own", async () => {
  const url = await emptyDatabase();
  const pool = poolOf(url, { max: 3 });
  const manager = await open({ pool });
  const kv = await manager.createKeyValue({ bucket: "b" });
  await follow(kv, []);
  await Promise.all(Array.from({ length: 20 }, (_, index) => kv.put(`key.${index}`, "1")));
  await manager.close();
  await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0);
  expect(pool.eventNames()).toEqual(["error"]);
  const text = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()";
  await expect.poll(async () => (await pool.query(text)).rows[0].n - pool.totalCount).toBe(0);
});

test("a closed manager has no connections any more", async () => {
  const url = await emptyDatabase();
  const manager = await open({ connectionString: url, max: 3 });
  const kv = await manager.createKeyValue({ bucket: "b" });
  await follow(kv, []);
  await Promise.all(Array.from({ length: 20 }, (_, index) => kv.get(`key.${index}`)));
  await manager.close();
  const others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
  // Sooner than idle connections are closed anyway.
  await expect.poll(() => execute(url, others), { timeout: 5000 }).toEqual([]);
});

test("a pool that was ended is UNAVAILABLE", async () => {
  const url = await emptyDatabase();
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => undefined);
  const manager = await open({ pool });
  const kv = await manager.createKeyValue({ bucket: "b" });
  await pool.end();
  await expect(kv.get("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(connect({ pool })).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test.each([
  [{ number: 120_022, name: "PostgreSQL 12.22" }, "at least PostgreSQL 13"],
  [{ number: 130_000, name: "CockroachDB v25", got: true, locks: 0 }, "advisory locks"],
])("a server that will not do is refused: %o", async (server, message) => {
  let isReleased = false;
  const pool: PostgresPool = {
    connect: async () => ({
      query: async () => ({ rows: [{ pid: 1, isolation: "read committed", ...server }] }),
      on: () => undefined,
      release: () => {
        isReleased = true;
      },
    }),
  };
  await expect(connect({ pool })).rejects.toMatchObject(failure("INCOMPATIBLE_STORAGE", message));
  expect(isReleased).toBe(true);
});

test("where transactions are read-only, everything can be read and watched, and writing is READ_ONLY", async () => {
  const url = await emptyDatabase();
  const writing = `${url}?options=-c%20default_transaction_read_only%3Doff`;
  await execute(url, `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET default_transaction_read_only = on`);
  await expect(connect(url)).rejects.toMatchObject({ code: "READ_ONLY" });
  const writer = await (await open(writing)).createKeyValue({ bucket: "b", ttl: 60_000 });
  await writer.put("a", "1");
  await writer.delete("none");
  const events: KeyValueEvent[] = [];
  const manager = await open({ connectionString: url, onEvent: takeDown(events) });
  const kv = await manager.keyValue("b");
  const seen: string[] = [];
  await follow(kv, seen);
  expect((await kv.get("a"))?.string()).toBe("1");
  expect(await kv.keys()).toEqual(["a"]);
  const refused = { code: "READ_ONLY" };
  await expect(kv.put("a", "2")).rejects.toMatchObject(refused);
  await expect(kv.transaction([{ op: "delete", key: "a" }])).rejects.toMatchObject(refused);
  await expect(kv.purgeDeletes({ olderThan: 0 })).rejects.toMatchObject(refused);
  expect(await (await manager.createOrUpdateKeyValue({ bucket: "b", ttl: 60_000 })).keys()).toEqual(["a"]);
  await expect(manager.createKeyValue({ bucket: "c" })).rejects.toMatchObject(refused);
  await expect(manager.updateKeyValue({ bucket: "b", history: 2 })).rejects.toMatchObject(refused);
  await expect(manager.deleteKeyValue("b")).rejects.toMatchObject(refused);
  await writer.put("b", "1");
  await expect.poll(() => seen).toEqual(["b@3"]);
  expect(events).toEqual([]);
});

test("settings by which acknowledged writes can be lost are told, one by one", async () => {
  const told: string[] = [];
  const onEvent = ({ type, message }: KeyValueEvent): number => told.push(`${type}: ${message.split(":")[0]}`);
  const safe = await startPostgres();
  later(() => safe[Symbol.asyncDispose]());
  await open({ connectionString: safe.url, onEvent });
  expect(told).toEqual([]);
  await open({ connectionString: `${safe.url}?options=-c%20synchronous_commit%3Doff`, onEvent });
  expect(told).toEqual(["unsafe-setting: synchronous_commit is off"]);
  const unsafe = await startPostgres({ fsync: false, settings: { full_page_writes: false } });
  later(() => unsafe[Symbol.asyncDispose]());
  await open({ connectionString: unsafe.url, onEvent });
  expect(told.slice(1).toSorted()).toEqual(["unsafe-setting: fsync is off", "unsafe-setting: full_page_writes is off"]);
});

test("conditions and ttls of writes that go together are taken as they are, however the server reads arrays", async () => {
  const url = await emptyDatabase();
  const manager = await open(`${url}?options=-c%20array_nulls%3Doff`);
  const kv = await manager.createKeyValue({ bucket: "b", limitMarkerTtl: 60_000 });
  const results = await Promise.all([kv.put("a", "1"), kv.create("b", "1", { ttl: 60_000 }), kv.update("a", "2", 1)]);
  expect(results).toEqual([1, 2, 3]);
  expect((await kv.get("a"))?.expiresAt).toBeUndefined();
  expect((await kv.get("b"))?.expiresAt).toBeInstanceOf(Date);
});

test("a config has any text, also where the database cannot store it as it is", async () => {
  const url = new URL(await emptyDatabase());
  const name = `${url.pathname.slice(1)}_latin1`;
  await execute(url.href, `CREATE DATABASE ${name} TEMPLATE template0 LOCALE 'C' ENCODING 'LATIN1'`);
  later(() => execute(url.href, `DROP DATABASE ${name} WITH (FORCE)`));
  const manager = await open(new URL(`/${name}`, url).href);
  const config = { bucket: "b", description: "naïve 日本 👍 \\u00e9 \u007f", metadata: { ключ: "значение" } };
  const kv = await manager.createKeyValue(config);
  expect((await kv.status()).config).toMatchObject(config);
  await manager.createKeyValue(config);
  await manager.updateKeyValue({ bucket: "b", description: "日" });
  expect((await kv.status()).config).toMatchObject({ ...config, description: "日" });
});

test("connections whose streams do not put writes together, as in some runtimes, are used as well", async () => {
  const stream = (): Socket => Object.assign(new Socket(), { cork: undefined, uncork: undefined });
  const manager = await open({ pool: poolOf(await emptyDatabase(), { stream }) });
  const kv = await manager.createKeyValue({ bucket: "b" });
  expect(await kv.put("a", "1")).toBe(1);
  expect((await kv.get("a"))?.string()).toBe("1");
});

test("a pool has one listener of ours, however many managers use it, and none when they are closed", async () => {
  const pool = poolOf(await emptyDatabase());
  const managers = [await connect({ pool }), await connect({ pool }), await connect({ pool })];
  const counts = [pool.listenerCount("connect")];
  for (const manager of managers) {
    await manager.close();
    counts.push(pool.listenerCount("connect"));
  }
  expect(counts).toEqual([1, 1, 1, 0]);
});

test("a process that could not connect ends", async () => {
  const url = await emptyDatabase();
  const cases: readonly (readonly [PostgresOptions, KeyValueErrorCode])[] = [
    [{ connectionString: nowhere }, "UNAVAILABLE"],
    [{ connectionString: `${url}_none` }, "INCOMPATIBLE_STORAGE"],
    [{ connectionString: url, migrate: false }, "INCOMPATIBLE_STORAGE"],
    [{ connectionString: await imposter(() => undefined), timeout: 500 }, "TIMEOUT"],
  ];
  for (const [options, code] of cases) expect(await runChild("fail.ts", options)).toBe(code);
});
