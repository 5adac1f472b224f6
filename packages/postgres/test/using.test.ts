import pg from "pg";
import { describe, expect, test } from "vitest";
import type { PostgresKeyValue, TransactionClient, TransactionKeyValue } from "../src/index.ts";
import { Statements } from "../src/statements.ts";
import { executors } from "./executors.ts";
import { execute } from "./harness.ts";
import { emptyDatabase, follow, later, open, poolOf, runChild } from "./open.ts";
import { begin, setUp } from "./using.ts";

async function invoices(url: string): Promise<unknown[]> {
  return (await execute(url, "SELECT id FROM invoice")).flat();
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const pay = (client: TransactionClient): Promise<unknown> => client.query("INSERT INTO invoice VALUES ($1)", ["17"]);

describe.each(Object.entries(executors))("in a transaction of %s", (_, transact) => {
  test("what is written becomes visible, and is seen by all watchers, when it commits and not before", async () => {
    const { url, pool, kv, other } = await setUp();
    const seen: string[][] = [[], []];
    await follow(kv, seen[0] as string[]);
    await follow(other, seen[1] as string[]);
    await transact(pool, async (client) => {
      await pay(client);
      const joined = kv.using(client);
      expect(await joined.put("order.17", "paid")).toBe(1);
      expect(await joined.put("order.17", "sent")).toBe(2);
      expect(await joined.delete("order.16")).toBe(3);
      expect((await joined.get("order.17"))?.string()).toBe("sent");
      // Whoever asks the database itself sees nothing of it yet.
      for (const outside of [kv, other]) {
        expect(await outside.history(">")).toEqual([]);
        expect((await outside.status()).lastRevision).toBe(0);
      }
      for (const events of seen) events.push("commit");
    });
    expect((await other.get("order.17"))?.string()).toBe("sent");
    expect(await invoices(url)).toEqual(["17"]);
    const expected = ["commit", "order.17@1", "order.17@2", "-order.16@3"];
    await expect.poll(() => seen).toEqual([expected, expected]);
  });

  test("a rollback leaves nothing, and no gap in the revisions", async () => {
    const { url, pool, kv, other } = await setUp();
    const seen: string[] = [];
    await follow(other, seen);
    const failing = transact(pool, async (client) => {
      await pay(client);
      expect(await kv.using(client).put("order.17", "paid")).toBe(1);
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await kv.get("order.17")).toBeNull();
    expect(await invoices(url)).toEqual([]);
    expect(await kv.put("order.18", "paid")).toBe(1);
    await expect.poll(() => seen).toEqual(["order.18@1"]);
  });

  test("what the bucket refuses leaves the transaction as it was", async () => {
    const { url, pool, kv } = await setUp({ maxValueSize: 100, maxBytes: 150 });
    await kv.put("a", "1");
    await transact(pool, async (client) => {
      await pay(client);
      const joined = kv.using(client);
      await expect(joined.create("a", "2")).rejects.toMatchObject({ code: "KEY_EXISTS", revision: 1 });
      await expect(joined.update("a", "2", 7)).rejects.toMatchObject({ code: "REVISION_MISMATCH", actual: 1 });
      await expect(joined.put("b", "x".repeat(101))).rejects.toMatchObject({ code: "VALUE_TOO_LARGE" });
      await expect(joined.put("b", "2", { ttl: 1000 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      const wide = { op: "put", key: "b", value: "x".repeat(90) } as const;
      await expect(joined.transaction([wide, { ...wide, key: "c" }])).rejects.toMatchObject({ code: "BUCKET_FULL" });
      await expect(joined.put("b c", "2")).rejects.toMatchObject({ code: "INVALID_KEY" });
      expect(await joined.put("b", "2")).toBe(2);
    });
    expect(await kv.keys()).toEqual(["a", "b"]);
    expect(await invoices(url)).toEqual(["17"]);
  });

  test("every call but watching works, and sees what was written before it", async () => {
    const { pool, kv } = await setUp({ limitMarkerTtl: 60_000 });
    await kv.put("before", "1");
    await transact(pool, async (client) => {
      const joined = kv.using(client);
      expect(await joined.create("a.1", new Uint8Array([0, 255, 10]), { ttl: 60_000 })).toBe(2);
      expect(await joined.update("a.1", "", 2)).toBe(3);
      const operations = [
        { op: "check", key: "a.1", lastRevision: 3 },
        { op: "put", key: "a.2", value: "2" },
        { op: "create", key: "a.3", value: new Uint8Array(70_000).fill(7) },
      ] as const;
      expect(await joined.transaction(operations)).toEqual([3, 4, 5]);
      expect((await joined.getRevision("a.1", 2))?.value).toEqual(new Uint8Array([0, 255, 10]));
      expect((await joined.getMany(["a.3", "none", "a.2"])).map((entry) => entry?.length)).toEqual([
        70_000,
        undefined,
        1,
      ]);
      expect(await joined.keys("a.*")).toEqual(["a.1", "a.2", "a.3"]);
      expect(await all(joined.listKeys())).toEqual(["a.1", "a.2", "a.3", "before"]);
      expect((await all(joined.entries("a.>"))).map(({ revision }) => revision)).toEqual([3, 4, 5]);
      expect((await joined.history("a.1")).map(({ revision, delta }) => [revision, delta])).toEqual([
        [2, 1],
        [3, 0],
      ]);
      expect(await joined.status()).toMatchObject({ values: 5, lastRevision: 5, backingStore: "postgres" });
      expect(await joined.deleteAll("a.*")).toBe(3);
      expect(await joined.purge("a.1")).toBe(9);
      expect(await joined.purgeAll()).toBe(1);
      expect(await joined.keys()).toEqual([]);
      expect(await joined.purgeDeletes({ olderThan: 0 })).toBeGreaterThan(0);
      expect(await joined.history(">")).toEqual([]);
      expect(await joined.put("after", "2")).toBe(11);
    });
    expect(await kv.keys()).toEqual(["after"]);
    expect(await kv.status()).toMatchObject({ lastRevision: 11, compactedTo: 10 });
  });

  test("a transaction that has failed is told, whoever wraps the server's answer", async () => {
    const { pool, kv } = await setUp();
    const failing = transact(pool, async (client) => {
      await expect(client.query("SELECT 1 / $1", [0])).rejects.toThrow();
      await expect(kv.using(client).put("a", "1")).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("can only be rolled back"),
      });
      throw new Error("over");
    });
    await expect(failing).rejects.toThrow("over");
    expect(await kv.put("a", "1")).toBe(1);
  });
});

test("a client of another database is refused, though that has a bucket of the same name and number", async () => {
  const { schema, kv } = await setUp();
  const url = await emptyDatabase();
  const same = await (await open({ connectionString: url, schema })).createKeyValue({ bucket: "b" });
  await same.put("a", "1");
  const pool = poolOf(url, { max: 20 });
  const calls: ((joined: TransactionKeyValue) => Promise<unknown>)[] = [
    (joined) => joined.put("a", "2"),
    (joined) => joined.get("a"),
    (joined) => joined.getMany(["a", "b"]),
    (joined) => joined.getRevision("a", 1),
    (joined) => joined.keys(),
    (joined) => joined.history("a"),
    (joined) => joined.status(),
    (joined) => joined.purgeDeletes(),
  ];
  for (const call of calls) {
    const client = await begin(pool);
    const missing = { code: "BUCKET_NOT_FOUND", message: expect.stringContaining("not its database") };
    await expect(call(kv.using(client)), String(call)).rejects.toMatchObject(missing);
    await client.query("COMMIT");
  }
  expect((await same.get("a"))?.revision).toBe(1);
});

test("a commit, and only a commit, is announced to those who listen", async () => {
  const { url, schema, pool, kv } = await setUp();
  const listener = new pg.Client({ connectionString: url });
  await listener.connect();
  later(() => listener.end());
  let announced = 0;
  const heard = new Promise((resolve) => {
    listener.on("notification", (message) => {
      announced += 1;
      resolve(message.payload);
    });
  });
  await listener.query(`LISTEN ${new Statements(schema).channel(1)}`);
  const client = await begin(pool);
  const joined = kv.using(client);
  await joined.put("a", "1");
  await client.query("ROLLBACK; BEGIN");
  await joined.put("a", "2");
  await joined.transaction([{ op: "put", key: "b", value: "1" }]);
  await listener.query("SELECT 1");
  expect(announced).toBe(0);
  await client.query("COMMIT");
  expect(await heard).toBe("");
  await listener.query("SELECT 1");
  expect(announced).toBe(1);
});

test("what was written after a SAVEPOINT goes with it, and others need not wait for it any more", async () => {
  const { pool, kv, other } = await setUp();
  const seen: string[] = [];
  await follow(other, seen);
  const client = await begin(pool);
  const joined = kv.using(client);
  await client.query("SAVEPOINT one");
  expect(await joined.put("a", "1")).toBe(1);
  await client.query("ROLLBACK TO SAVEPOINT one");
  expect(await joined.get("a")).toBeNull();
  expect(await other.put("b", "1")).toBe(1);
  expect(await joined.put("c", "1")).toBe(2);
  await client.query("SAVEPOINT two");
  expect(await joined.put("c", "2")).toBe(3);
  await client.query("ROLLBACK TO SAVEPOINT two");
  expect(await joined.put("d", "1")).toBe(3);
  await client.query("COMMIT");
  await expect.poll(() => seen).toEqual(["b@1", "c@2", "d@3"]);
});

test("a SAVEPOINT brings a transaction back to life after an error of the server", async () => {
  const { pool, kv } = await setUp();
  const client = await begin(pool);
  const joined = kv.using(client);
  expect(await joined.put("a", "1")).toBe(1);
  await client.query("SAVEPOINT one");
  await expect(client.query("SELECT 1 / 0")).rejects.toThrow("division by zero");
  await expect(joined.get("a")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await client.query("ROLLBACK TO SAVEPOINT one");
  expect(await joined.put("a", "2")).toBe(2);
  await client.query("COMMIT");
  expect((await kv.get("a"))?.string()).toBe("2");
});

test.each(["REPEATABLE READ", "SERIALIZABLE"])(
  "writes at %s are refused, reads see what the transaction sees",
  async (level) => {
    const { pool, kv } = await setUp();
    await kv.put("a", "1");
    const client = await begin(pool, level);
    const joined = kv.using(client);
    expect((await joined.get("a"))?.revision).toBe(1);
    await kv.put("a", "2");
    expect((await joined.get("a"))?.revision).toBe(1);
    const refused = { code: "INVALID_ARGUMENT", message: expect.stringContaining("READ COMMITTED") };
    await expect(joined.put("a", "3")).rejects.toMatchObject(refused);
    await client.query("ROLLBACK");
    await client.query(`BEGIN ISOLATION LEVEL ${level}`);
    await expect(joined.purgeDeletes()).rejects.toMatchObject(refused);
    await client.query("ROLLBACK");
    expect(await kv.put("a", "3")).toBe(3);
  },
);

test("type parsers of the application make no difference", async () => {
  const { url, schema, pool, kv } = await setUp({ limitMarkerTtl: 60_000, ttl: 60_000 });
  const types = {
    getTypeParser: (oid: number, format?: "text" | "binary"): ((text: string) => unknown) =>
      [pg.types.builtins.INT2, pg.types.builtins.INT4, pg.types.builtins.INT8].includes(oid)
        ? BigInt
        : pg.types.getTypeParser(oid, format as "text"),
  };
  const parsing = poolOf(url, { types });
  expect((await parsing.query("SELECT 1::int8 AS n")).rows).toEqual([{ n: 1n }]);
  for (const [index, handle] of [kv, await (await open({ pool: parsing, schema })).keyValue("b")].entries()) {
    const client = await begin(index === 0 ? parsing : pool);
    const joined = handle.using(client);
    await client.query("SAVEPOINT one");
    expect(await joined.put("a", "1", { ttl: 50_000 })).toBe(1);
    expect(await joined.get("a")).toMatchObject({
      revision: 1,
      created: expect.any(Date),
      expiresAt: expect.any(Date),
    });
    expect((await joined.getMany(["b", "a"])).map((entry) => entry?.revision)).toEqual([undefined, 1]);
    expect(await joined.history("a")).toMatchObject([{ revision: 1, length: 1 }]);
    expect(await joined.keys("a")).toEqual(["a"]);
    expect(await joined.delete("a")).toBe(2);
    expect(await joined.status()).toMatchObject({ lastRevision: 2, values: 2 });
    await client.query("ROLLBACK");
  }
});

test("a pool is refused, and so is what is no client", async () => {
  const { pool, kv } = await setUp();
  for (const wrong of [pool, null, undefined, {}, "postgres://localhost", () => undefined]) {
    expect(() => kv.using(wrong as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
});

test("a client that is not in a transaction is refused, before and after", async () => {
  const { pool, kv } = await setUp();
  const client = await pool.connect();
  later(() => client.release());
  const joined = kv.using(client);
  const refused = { code: "INVALID_ARGUMENT", message: expect.stringContaining("not in a transaction") };
  await expect(joined.put("a", "1")).rejects.toMatchObject(refused);
  await expect(joined.get("a")).rejects.toMatchObject(refused);
  await client.query("BEGIN");
  expect(await joined.put("a", "1")).toBe(1);
  await client.query("COMMIT");
  await expect(joined.put("a", "2")).rejects.toMatchObject(refused);
  expect((await kv.get("a"))?.revision).toBe(1);
});

test("a client of a database without the schema is told so", async () => {
  const { kv } = await setUp();
  const client = await begin(poolOf(await emptyDatabase()));
  await expect(kv.using(client).put("a", "1")).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
});

test("a client whose connection is lost has committed nothing", async () => {
  const { url, pool, kv } = await setUp();
  const client = await begin(pool);
  client.on("error", () => undefined);
  const [[pid]] = (await client.query({ text: "SELECT pg_backend_pid()", rowMode: "array" })).rows as [[number]];
  await kv.using(client).put("a", "1");
  const ended = new Promise((resolve) => void client.once("end", resolve));
  await execute(url, "SELECT pg_terminate_backend($1)", [pid]);
  await ended;
  await expect(kv.using(client).put("a", "2")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await kv.put("a", "3")).toBe(1);
});

test("a bucket within a transaction cannot be watched, and ends with its manager and its bucket", async () => {
  const { url, schema, pool, kv } = await setUp();
  const client = await begin(pool);
  const joined = kv.using(client);
  expect(await joined.put("a", "1")).toBe(1);
  await expect((joined as PostgresKeyValue).watch(">")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await client.query("ROLLBACK");
  const manager = await open({ connectionString: url, schema });
  await manager.deleteKeyValue("b");
  await client.query("BEGIN");
  await expect(joined.put("a", "1")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
  await client.query("ROLLBACK; BEGIN");
  const next = (await manager.createKeyValue({ bucket: "b" })).using(client);
  expect(await next.put("a", "1")).toBe(1);
  await manager.close();
  await expect(next.put("a", "2")).rejects.toMatchObject({ code: "CLOSED" });
  await client.query("COMMIT");
});

test("a process that has used a bucket within a transaction, and closes nothing, ends", async () => {
  const { url, schema, kv } = await setUp();
  expect(await runChild("use.ts", url, schema)).toBe("1");
  expect((await kv.get("a"))?.string()).toBe("1");
});
