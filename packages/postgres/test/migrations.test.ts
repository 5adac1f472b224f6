import type { KeyValueError, KeyValueManager } from "@revkv/api";
import { expect, test } from "vitest";
import type { PostgresOptions } from "../src/index.ts";
import { connect, ddl } from "../src/index.ts";
import { Statements } from "../src/statements.ts";
import { execute, freshSchema } from "./harness.ts";
import { emptyDatabase, follow, later, open, poolOf, runChild } from "./open.ts";
import type { Role } from "./roles.ts";
import { createRole, neededGrants } from "./roles.ts";

const steps = new Statements("any").migrations.length;

async function temporaryRole(url: string): Promise<Role> {
  const role = await createRole(url);
  later(() => role[Symbol.asyncDispose]());
  return role;
}

/** A bit of everything that touches other tables or functions. */
async function useAll(manager: KeyValueManager): Promise<void> {
  const kv = await manager.createKeyValue({ bucket: "b", history: 2 });
  for (const value of ["1", "2", "3"]) await kv.put("a", value);
  await kv.transaction([{ op: "create", key: "b", value: "1" }]);
  await kv.delete("b");
  expect((await kv.history(">")).map(({ revision }) => revision)).toEqual([2, 3, 4, 5]);
  expect(await kv.keys()).toEqual(["a"]);
  expect(await kv.purgeDeletes({ olderThan: 0 })).toBe(2);
  await manager.updateKeyValue({ bucket: "b", history: 1 });
  expect(await kv.put("a", "4")).toBe(6);
  expect(await kv.status()).toMatchObject({ values: 1, lastRevision: 6, compactedTo: 5 });
  await manager.deleteKeyValue("b");
  expect(await Promise.allSettled([kv.get("a")])).toMatchObject([{ reason: { code: "BUCKET_NOT_FOUND" } }]);
}

/** Tables and views of a schema. */
async function relations(url: string, schema: string): Promise<unknown[]> {
  const text = "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1";
  return (await execute(url, text, [schema])).flat();
}

test("twenty managers of five processes create the schema and a bucket at the same time", async () => {
  const url = await emptyDatabase();
  const processes = Array.from({ length: 5 }, () => runChild("create.ts", url, "revkv", 4));
  const revisions = (await Promise.all(processes)).flatMap((output) => JSON.parse(output) as number[]);
  expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(await execute(url, "SELECT count(*)::int FROM revkv.migration")).toEqual([[steps]]);
});

test("a schema is there when connect resolves, and is found by the next", async () => {
  const url = await emptyDatabase();
  await useAll(await open(url));
  expect(await relations(url, "revkv")).toEqual(["bucket", "dropped_bucket", "entry", "migration"]);
  await useAll(await open({ connectionString: url, migrate: false }));
});

test("without migrate an empty database is refused with what is to be done, and stays empty", async () => {
  const url = await emptyDatabase();
  const schema = freshSchema();
  await expect(connect({ connectionString: url, schema, migrate: false })).rejects.toMatchObject({
    code: "INCOMPATIBLE_STORAGE",
    message: expect.stringContaining(`ddl("${schema}")`),
  });
  expect(await relations(url, schema)).toEqual([]);
  await execute(url, ddl(schema));
  await useAll(await open({ connectionString: url, schema, migrate: false }));
});

test("a schema that lacks the latest steps gets them, by connect or by the administrator", async () => {
  const url = await emptyDatabase();
  for (const migrate of [true, false]) {
    const schema = freshSchema();
    const statements = new Statements(schema);
    const [last] = statements.migrations.slice(-1);
    await execute(
      url,
      ddl(schema)
        .replace(last as string, "")
        .replace(`, ${steps});`, `, ${steps - 1});`),
    );
    const older = await connect({ connectionString: url, schema, migrate: false }).catch(
      (error: KeyValueError) => error,
    );
    expect(older).toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
    expect((older as KeyValueError).message).toContain(`ddl("${schema}", ${steps - 1})`);
    if (!migrate) await execute(url, ddl(schema, steps - 1));
    await useAll(await open({ connectionString: url, schema, migrate }));
    expect(await execute(url, `SELECT count(*)::int FROM ${schema}.migration`)).toEqual([[steps]]);
  }
});

test("a migration that fails leaves nothing behind, by connect or by the administrator", async () => {
  const url = await emptyDatabase();
  const schema = freshSchema();
  // In the way of the last step.
  await execute(url, `CREATE SCHEMA ${schema}; CREATE TYPE ${schema}.log_page AS (x int)`);
  await expect(connect({ connectionString: url, schema })).rejects.toMatchObject({
    code: "INCOMPATIBLE_STORAGE",
    message: expect.stringContaining("log_page"),
  });
  expect(await relations(url, schema)).toEqual([]);
  // psql goes on after an error, statement by statement.
  const client = await poolOf(url).connect();
  let failures = 0;
  for (const statement of ddl(schema).split(/;\n\n(?=[A-Z-])/)) {
    await client.query(statement).catch(() => {
      failures += 1;
    });
  }
  client.release(true);
  expect(failures).toBeGreaterThan(1);
  expect(await relations(url, schema)).toEqual([]);
  await execute(url, `DROP TYPE ${schema}.log_page`);
  await useAll(await open({ connectionString: url, schema }));
});

test("a schema with tables of the application's own is told apart", async () => {
  const url = await emptyDatabase();
  await execute(url, "CREATE TABLE public.migration (id int)");
  await expect(connect({ connectionString: url, schema: "public" })).rejects.toMatchObject({
    code: "INCOMPATIBLE_STORAGE",
    message: expect.stringContaining("migration"),
  });
  expect(await relations(url, "public")).toEqual(["migration"]);
});

test("a schema that a newer version has added to is used side by side, unless that broke older versions", async () => {
  const url = await emptyDatabase();
  const before = await open(url);
  await execute(url, `INSERT INTO revkv.migration (version) VALUES (${steps + 1})`);
  for (const migrate of [true, false]) await useAll(await open({ connectionString: url, migrate }));
  await useAll(before);
  await execute(url, `INSERT INTO revkv.migration (version, breaks_older) VALUES (${steps + 2}, true)`);
  for (const migrate of [true, false]) {
    await expect(connect({ connectionString: url, migrate })).rejects.toMatchObject({
      code: "INCOMPATIBLE_STORAGE",
      message: expect.stringContaining("newer version"),
    });
  }
});

test("schemas in one database have nothing to do with each other, their locks included", async () => {
  const url = await emptyDatabase();
  const pool = poolOf(url);
  const [one, two] = ["one", "two"].map((schema) => open({ pool, schema, timeout: 2000 }));
  const first = await (await one)?.createKeyValue({ bucket: "b" });
  const second = await (await two)?.createKeyValue({ bucket: "b" });
  const seen: string[] = [];
  await follow(second as never, seen);
  const client = await pool.connect();
  later(() => client.release());
  await client.query("BEGIN");
  // Both are the first bucket of their schema.
  expect(await first?.using(client).put("a", "1")).toBe(1);
  expect(await second?.put("b", "1")).toBe(1);
  await client.query("COMMIT");
  expect(await first?.keys()).toEqual(["a"]);
  expect(await second?.keys()).toEqual(["b"]);
  await execute(url, "DROP SCHEMA one CASCADE");
  expect(await second?.put("c", "1")).toBe(2);
  await expect.poll(() => seen).toEqual(["b@1", "c@2"]);
});

test.each(["Strange-Name_1", "select", "x".repeat(63)])("a schema can be called %s", async (schema) => {
  const url = await emptyDatabase();
  const manager = await open({ connectionString: url, schema });
  await useAll(manager);
  const kv = await manager.createKeyValue({ bucket: "watched" });
  const seen: string[] = [];
  await follow(kv, seen);
  await (await (await open({ connectionString: url, schema, migrate: false })).keyValue("watched")).put("a", "1");
  await expect.poll(() => seen).toEqual(["a@1"]);
});

test("a search_path that leads elsewhere changes nothing", async () => {
  const url = await emptyDatabase();
  const role = await temporaryRole(url);
  await execute(url, `GRANT CREATE ON DATABASE "${new URL(url).pathname.slice(1)}" TO ${role.name}`);
  await execute(
    url,
    `CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO ${role.name};
    CREATE TABLE trap.bucket (x int); CREATE TABLE trap.entry (x int); CREATE TABLE trap.migration (x int);
    CREATE FUNCTION trap.now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
    ALTER ROLE ${role.name} SET search_path = trap`,
  );
  await useAll(await open(role.url));
  await execute(url, `ALTER ROLE ${role.name} SET search_path = ''`);
  await useAll(await open(role.url));
});

test("a role that may not create the schema is told what to do", async () => {
  const url = await emptyDatabase();
  const role = await temporaryRole(url);
  await expect(connect(role.url)).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
    message: expect.stringMatching(/permission denied for database .*ddl\(\)/),
  });
});

test("a role that owns the schema needs no right on the database", async () => {
  const url = await emptyDatabase();
  const role = await temporaryRole(url);
  await execute(url, `CREATE SCHEMA revkv AUTHORIZATION ${role.name}`);
  await useAll(await open(role.url));
});

test("every grant that is missing is told with what it is about", async () => {
  const url = await emptyDatabase();
  const role = await temporaryRole(url);
  const schema = freshSchema();
  await execute(url, `${ddl(schema)} REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC`);
  const grants = neededGrants(schema);
  for (const grant of grants) await execute(url, `GRANT ${grant} TO ${role.name}`);
  await useAll(await open({ connectionString: role.url, schema, migrate: false }));
  for (const grant of grants) {
    await execute(url, `REVOKE ${grant} FROM ${role.name}`);
    const message = await denial({ connectionString: role.url, schema, migrate: false });
    const named = /ON SCHEMA/.test(grant) ? schema : (/\.(\w+)$/.exec(grant)?.[1] ?? "function");
    expect(message, grant).toContain(`permission denied for`);
    expect(message, grant).toContain(named);
    await execute(url, `GRANT ${grant} TO ${role.name}; DELETE FROM ${schema}.bucket`);
  }
});

/** The message of the first `PERMISSION_DENIED`, of a call or of what is done in the background. */
async function denial(options: PostgresOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const judge = (error: unknown): void => {
    const { code, message } = error as KeyValueError;
    if (code === "PERMISSION_DENIED") resolve(message);
    else reject(error);
  };
  const opening = connect({ ...options, onEvent: ({ error }) => error && judge(error) });
  opening.then(useAll).catch(judge);
  const message = await promise;
  await opening.then(
    (manager) => manager.close(),
    () => undefined,
  );
  return message;
}
