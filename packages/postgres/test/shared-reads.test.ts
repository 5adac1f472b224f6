import { databaseOf, startPostgres } from "@revkv/servers/postgres";
import { beforeAll, expect, test } from "vitest";
import { execute } from "./harness.ts";
import { reaches, see, until } from "./load.ts";
import { later, open } from "./open.ts";

let server: Awaited<ReturnType<typeof startPostgres>>;

beforeAll(async () => {
  server = await startPostgres({ fsync: false, settings: { shared_preload_libraries: "pg_stat_statements" } });
  return () => server[Symbol.asyncDispose]();
});

/** How many pages are read for some changes in turn, each seen by all watchers before the next. */
async function reads(watchers: number, changes: number): Promise<number> {
  const database = await databaseOf(server);
  later(() => database[Symbol.asyncDispose]());
  const { url } = database;
  await execute(url, "CREATE EXTENSION pg_stat_statements");
  const kv = await (await open(url)).createKeyValue({ bucket: "shared" });
  const other = await (await open(url)).keyValue("shared");
  const seen = await Promise.all(Array.from({ length: watchers }, () => see(kv)));
  const change = async (): Promise<void> => {
    const revision = await other.put("a", "x");
    await Promise.all(seen.map((one) => reaches(one, revision)));
  };
  const listening =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'";
  await until(async () => (await execute(url, listening)).length === 1);
  // The first change comes behind whatever else there was to read at the beginning.
  await change();
  const count = async (): Promise<number> => {
    const text = `SELECT sum(calls)::int FROM pg_stat_statements
      WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE '%.read_log(%'`;
    const [row] = await execute(url, text);
    return row?.[0] as number;
  };
  const before = await count();
  for (let index = 0; index < changes; index += 1) await change();
  return (await count()) - before;
}

test("1,000 watchers of a process read as many pages as one", async () => {
  const alone = await reads(1, 20);
  expect(alone).toBeGreaterThanOrEqual(20);
  expect(await reads(1000, 20)).toBe(alone);
});
