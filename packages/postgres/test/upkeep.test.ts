import type { KeyValueEvent } from "@revkv/api";
import { expect, test } from "vitest";
import { Statements } from "../src/statements.ts";
import { execute } from "./harness.ts";
import { until } from "./load.ts";
import { emptyDatabase, follow, later, open, poolOf, takeDown } from "./open.ts";
import { begin } from "./using.ts";

const { lock } = new Statements("revkv");

/** Adds values that are due since long, each of a key of its own, behind what the bucket has. */
function addDue(url: string, bucket: number, count: number): Promise<unknown> {
  return execute(
    url,
    `INSERT INTO revkv.entry (revision, created, expires, bucket_id, op, key, value)
      SELECT g, 1, 2, $1, 0, 'due.' || g, 'x' FROM generate_series(1, $2::int) g`,
    [bucket, count],
  );
}

/** Keeps all sweepers from the first bucket, until the test is over. */
async function stopSweepers(url: string): Promise<void> {
  const client = await poolOf(url, { max: 1 }).connect();
  later(() => client.release(true));
  await client.query("SELECT pg_advisory_lock($1, 1)", [lock ^ 1]);
}

test("a change of config carries out what is due before it, in steps that do not hold the bucket for long", async () => {
  const url = await emptyDatabase();
  const manager = await open(url);
  const kv = await manager.createKeyValue({ bucket: "b", limitMarkerTtl: 60_000 });
  await stopSweepers(url);
  await addDue(url, 1, 2200);
  await manager.updateKeyValue({ bucket: "b", ttl: 3_600_000 });
  const steps = await execute(url, "SELECT count(*)::int FROM revkv.entry WHERE op = 3 GROUP BY xmin ORDER BY 1");
  expect(steps.flat()).toEqual([200, 500, 500, 500, 500]);
  expect(await kv.status()).toMatchObject({ ttl: 3_600_000, values: 2200, lastRevision: 4400 });
});

test("B6: a history that is raised again brings back nothing that a lowered one had hidden, on any page of keys", async () => {
  const url = await emptyDatabase();
  const manager = await open(url);
  const kv = await manager.createKeyValue({ bucket: "b", history: 3 });
  await stopSweepers(url);
  const keys = Array.from({ length: 1200 }, (_, index) => `key.${index}`);
  for (const value of ["1", "2", "3"]) await Promise.all(keys.map((key) => kv.put(key, value)));
  await manager.updateKeyValue({ bucket: "b", history: 1 });
  await manager.updateKeyValue({ bucket: "b", history: 3 });
  expect((await kv.history("key.7")).map((entry) => entry.string())).toEqual(["3"]);
  expect((await kv.status()).values).toBe(1200);
});

test("W13: a marker that a lowered history has hidden does not count when it falls due before it is removed", async () => {
  const url = await emptyDatabase();
  const kv = await (await open(url)).createKeyValue({ bucket: "b", history: 5, ttl: 3_600_000 });
  await kv.delete("a");
  await kv.put("a", "1");
  // Lowered, and the marker due, at one moment: whoever sweeps finds both.
  await execute(
    url,
    `WITH lowered AS (UPDATE revkv.bucket SET history = 1, trimming = '')
      UPDATE revkv.entry SET created = 1 WHERE revision = 1`,
  );
  expect(await kv.status()).toMatchObject({ compactedTo: 0, values: 1 });
  await until(async () => (await execute(url, "SELECT FROM revkv.bucket WHERE trimming IS NULL")).length === 1);
  expect(await kv.status()).toMatchObject({ compactedTo: 0, values: 1 });
});

test("T9: what a transaction finds due is carried out in the order of its operations", async () => {
  const url = await emptyDatabase();
  const kv = await (await open(url)).createKeyValue({ bucket: "b", history: 5, limitMarkerTtl: 60_000 });
  await stopSweepers(url);
  await addDue(url, 1, 6);
  const keys = ["due.4", "due.1", "due.6", "due.2", "due.5", "due.3"];
  await kv.transaction([...keys, "due.1"].map((key) => ({ op: "put", key, value: "x" })));
  const log = await kv.history(">");
  expect(log.filter(({ reason }) => reason === "expired").map(({ key }) => key)).toEqual(keys);
  expect(log.map(({ revision }) => revision)).toEqual(Array.from({ length: 13 }, (_, index) => index + 7));
});

test("nobody sweeps where nothing can expire, nor where nothing is due", async () => {
  const url = await emptyDatabase();
  const database = new URL(url).pathname.slice(1);
  await execute(url, `ALTER DATABASE "${database}" SET track_functions = 'pl'`);
  const manager = await open(url);
  await (await manager.createKeyValue({ bucket: "plain" })).put("a", "1");
  await (await manager.createKeyValue({ bucket: "permanent", limitMarkerTtl: 60_000 })).put("a", "1");
  await (await manager.createKeyValue({ bucket: "later", ttl: 3_600_000 })).put("a", "1");
  const expiring = await manager.createKeyValue({ bucket: "expiring", limitMarkerTtl: 60_000 });
  const seen: string[] = [];
  await follow(expiring, seen);
  for (const round of [1, 2, 3]) {
    await expiring.put(`key.${round}`, "x", { ttl: 1 });
    await until(() => seen.some((item) => item.startsWith(`-key.${round}@`)));
  }
  await manager.close();
  // What a connection has called is known when it has ended.
  const others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
  await until(async () => (await execute(url, others)).length === 0);
  const [row] = await execute(url, "SELECT sum(calls)::int FROM pg_stat_user_functions WHERE funcname = 'sweep'");
  expect(row).toEqual([3]);
});

test("buckets that somebody holds do not hold up the expiries of others, nor any call's deadline", async () => {
  const url = await emptyDatabase();
  const creator = await open(url);
  const client = await begin(poolOf(url));
  for (let index = 0; index < 10; index += 1) {
    const held = await creator.createKeyValue({ bucket: `held_${index}`, limitMarkerTtl: 60_000 });
    await held.put("a", "1", { ttl: 60_000 });
    await held.using(client).put("b", "1");
  }
  await creator.createKeyValue({ bucket: "free", limitMarkerTtl: 60_000 });
  await creator.close();
  await execute(url, "UPDATE revkv.entry SET expires = 1");
  const told: KeyValueEvent[] = [];
  const manager = await open({ connectionString: url, timeout: 1000, onEvent: takeDown(told) });
  const free = await manager.keyValue("free");
  const seen: string[] = [];
  await follow(free, seen);
  for (const round of [1, 2, 3]) {
    await free.put(`key.${round}`, "x", { ttl: 1 });
    await until(() => seen.some((item) => item.startsWith(`-key.${round}@`)));
  }
  await client.query("ROLLBACK");
  expect(told).toEqual([]);
});
