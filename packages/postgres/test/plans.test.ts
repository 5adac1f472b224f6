import { databaseOf } from "@revkv/servers/postgres";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bigintArray, byteaArray, numberArray, textArray } from "../src/arrays.ts";
import { connect } from "../src/index.ts";
import type { Parameter } from "../src/session.ts";
import { Statements } from "../src/statements.ts";
import { execute, sharedServer } from "./harness.ts";

const rows = 100_000;
const schema = "revkv";
const { query } = new Statements(schema);

/** Buckets of 100,000 entries each: one that keeps one entry per key, one that keeps five, and one where entries expire. */
const buckets = { plain: 1, deep: 2, expiring: 3 } as const;

let url: string;
let client: pg.Client;
let plans: string[];
let close: () => Promise<void>;

beforeAll(async () => {
  const database = await databaseOf(await sharedServer());
  const manager = await connect({ connectionString: database.url, schema });
  await manager.createKeyValue({ bucket: "plain" });
  await manager.createKeyValue({ bucket: "deep", history: 5 });
  await manager.createKeyValue({ bucket: "expiring", ttl: 3_600_000, limitMarkerTtl: 60_000, maxBytes: 2 ** 40 });
  await manager.close();
  url = database.url;
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`INSERT INTO ${schema}.entry (revision, created, expires, bucket_id, op, key, value)
    SELECT g, (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1000, CASE WHEN b.id = 3 AND g % 10 = 0 THEN (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 3600000 END, b.id,
      CASE WHEN g % 20 = 0 THEN 1 ELSE 0 END, 'area.' || k.number % 1000 || '.key.' || k.number, 'value'
    FROM ${schema}.bucket b, generate_series(1, ${rows}) g, LATERAL (
      -- The deep one's keys were written in rounds: four fifths of its log are not the newest of their key.
      SELECT CASE WHEN b.id = 2 THEN g % ${rows / 5} ELSE g END AS number) k`);
  await client.query("ANALYZE");
  // Plans of statements within functions are told as notices.
  await client.query("LOAD 'auto_explain'");
  for (const setting of ["log_min_duration = 0", "log_nested_statements = on", "log_level = notice"]) {
    await client.query(`SET auto_explain.${setting}`);
  }
  client.on("notice", ({ message }) => plans.push(message ?? ""));
  close = async () => {
    await client.end();
    await database[Symbol.asyncDispose]();
  };
}, 120_000);

afterAll(() => close());

const twelve = Array.from({ length: 12 }, (_, index) => index);
/** A condition that holds for what is new. */
const conditions = bigintArray(twelve.map((index) => (index % 2 === 0 ? null : -1)));

/** Twelve puts at once, on keys that are there and that are not; each without a condition, or some with one. */
function puts(bucket: number, expects: Buffer | null = null, first = "area.0.key.0"): readonly Parameter[] {
  return [
    bucket,
    null,
    null,
    textArray([
      first,
      ...twelve.slice(1).map((index) => (index % 2 === 0 ? `area.${index}.key.${index}` : `new.${Math.random()}`)),
    ]),
    byteaArray(twelve.map(() => "value")),
    expects,
    null,
    numberArray(twelve.map(() => 0)),
    1000,
  ];
}

/** Two puts of one unit, which are judged and undone together. */
function unit(bucket: number, first = "area.7.key.7"): readonly Parameter[] {
  const keys = textArray([first, "area.8.key.8"]);
  return [bucket, "{2}", "{0,0}", keys, byteaArray(["a", "b"]), null, null, "{0,0}", 1000];
}

/** A page of the log behind a revision: of all keys, or of ranges of keys. */
function logPage(bucket: number, after: number, ranges: readonly [string, string] | undefined): readonly Parameter[] {
  const [from, to] = ranges ?? [null, null];
  return [bucket, after, null, from && textArray([from]), to && textArray([to]), true, true, 500, 2 ** 20, null, null];
}

/** Every statement that is carried out often, or on a bucket of any size. */
const statements = Object.values(buckets).flatMap((bucket): [string, keyof typeof query, readonly Parameter[]][] => [
  [`${bucket}: put`, "write", [bucket, 0, "area.5.key.5", Buffer.from("value"), null, null, 1000]],
  [`${bucket}: create`, "write", [bucket, 0, `area.${Math.random()}`, Buffer.from("value"), -1, null, 1000]],
  [`${bucket}: delete`, "write", [bucket, 1, "area.9.key.9", null, null, null, 1000]],
  [`${bucket}: purge`, "write", [bucket, 2, "area.11.key.11", null, null, null, 1000]],
  [`${bucket}: puts`, "commit", puts(bucket)],
  [`${bucket}: puts with conditions`, "commit", puts(bucket, conditions)],
  [`${bucket}: transaction`, "commit", unit(bucket)],
  [`${bucket}: get`, "read", [bucket, "area.17.key.17"]],
  [`${bucket}: getMany`, "readMany", [bucket, textArray(["area.17.key.17", "area.18.key.18", "nothing"])]],
  [`${bucket}: getRevision`, "readRevision", [bucket, 17, "area.17.key.17"]],
  [`${bucket}: head`, "head", [bucket]],
  [`${bucket}: tail of the log`, "readLog", logPage(bucket, rows - 10, undefined)],
  [`${bucket}: first page of a watch`, "readLog", logPage(bucket, 0, undefined)],
  [`${bucket}: first page of a watch of a prefix`, "readLog", logPage(bucket, 0, ["area.17.", "area.17/"])],
  [`${bucket}: tail of a prefix`, "readLog", logPage(bucket, rows - 10, ["area.17.", "area.17/"])],
  [`${bucket}: keys of a prefix`, "readKeys", [bucket, "", "{area.17.}", "{area.17/}", true, 500, 2 ** 20]],
  [`${bucket}: page of keys`, "readKeys", [bucket, "area.2", '{""}', "{\u007f}", false, 500, 2 ** 20]],
  [`${bucket}: page of purgeDeletes`, "purgeMarkers", [bucket, 0, "area.5", 100, 1000]],
  [`${bucket}: sweep`, "sweep", [bucket, 100, 1000]],
]);
statements.push(["due", "due", [0]], ["clean up", "cleanUp", [500]], ["names", "bucketNames", ["", 10]]);

test.for(["force_generic_plan", "force_custom_plan"])("no statement scans the entries (%s)", async (mode) => {
  await client.query(`SET plan_cache_mode = ${mode}`);
  await client.query("DISCARD PLANS");
  const scanning: string[] = [];
  let seen = 0;
  for (const [name, statement, parameters] of statements) {
    plans = [];
    await client.query({ text: query[statement].text, values: [...parameters] });
    seen += plans.length;
    scanning.push(...plans.filter((plan) => /Seq Scan on entry/.test(plan)).map((plan) => `${name}: ${plan}`));
  }
  expect(seen).toBeGreaterThan(statements.length);
  expect(scanning).toEqual([]);
});

/** How many pages of the database a statement may look at. */
function mostPages(name: string): number {
  // Of 10,000 revisions at the most it is asked whether they are the newest of their key.
  if (name.endsWith("first page of a watch")) return 50_000;
  // Pages of up to 500 rows, of which each is looked for among up to five of its key; a handful of keys; one key.
  if (/page|prefix|tail/.test(name)) return 12_000;
  return /puts|transaction|getMany/.test(name) ? 500 : 60;
}

/** How many pages of the database a statement looks at. */
async function pagesOf(statement: keyof typeof query, parameters: readonly Parameter[]): Promise<number> {
  const text = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${query[statement].text}`;
  const { rows } = await client.query({ text, values: [...parameters] });
  const [{ "QUERY PLAN": plan }] = rows as [{ "QUERY PLAN": [{ Plan: Readonly<Record<string, number>> }] }];
  const [{ Plan: buffers }] = plan;
  return (buffers["Shared Hit Blocks"] ?? 0) + (buffers["Shared Read Blocks"] ?? 0);
}

test("what a statement looks at follows what it is asked for, not the size of the bucket", async () => {
  const excessive: string[] = [];
  for (const [name, statement, parameters] of statements) {
    const most = mostPages(name);
    // What is hit for the first time is also read into the caches of the connection.
    await pagesOf(statement, parameters);
    const pages = await pagesOf(statement, parameters);
    if (pages > most) excessive.push(`${name}: ${pages} pages`);
  }
  expect(excessive).toEqual([]);
  expect(await pagesOf("describe", [buckets.plain])).toBeGreaterThan(1000);
});

test("versions that no vacuum may take yet are not walked through", async () => {
  const key = "area.19.key.19";
  // Not where bytes are counted: the counter has as many versions as there were writes.
  const uncounted = [buckets.plain, buckets.deep];
  const old = new pg.Client({ connectionString: url });
  await old.connect();
  await old.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await old.query(`SELECT count(*) FROM ${schema}.bucket`);
  const overwrite = `SELECT max(length(${schema}.write($1, 0::smallint, $2, 'value', NULL, NULL, 1000))) FROM generate_series(1, 3000)`;
  for (const bucket of uncounted) await execute(url, overwrite, [bucket, key]);
  await execute(url, `VACUUM ANALYZE ${schema}.entry`);
  await client.query("DISCARD PLANS");
  const walking: string[] = [];
  for (const bucket of uncounted) {
    const several = [bucket, textArray([key, "area.18.key.18"])];
    const again: [keyof typeof query, readonly Parameter[]][] = [
      ["write", [bucket, 0, key, Buffer.from("value"), null, null, 1000]],
      ["commit", unit(bucket, key)],
      ["commit", puts(bucket, null, key)],
      ["commit", puts(bucket, conditions, key)],
      ["read", [bucket, key]],
      ["readMany", several],
      ["head", [bucket]],
      ["readLog", logPage(bucket, Number.MAX_SAFE_INTEGER, undefined)],
    ];
    for (const [statement, parameters] of again) {
      await pagesOf(statement, parameters);
      const pages = await pagesOf(statement, parameters);
      if (pages > 500) walking.push(`${bucket}: ${statement} looks at ${pages} pages`);
    }
  }
  await old.query("ROLLBACK");
  await old.end();
  expect(walking).toEqual([]);
});

test("a scan would be noticed", async () => {
  plans = [];
  await client.query(`SELECT count(*) FROM ${schema}.entry WHERE value = 'x'`);
  expect(plans.join()).toMatch(/Seq Scan on entry/);
});
