import { compileFilter } from "@revkv/api";
import type { BucketStorage, LogPage, LogQuery, Unit } from "@revkv/api/adapter";
import { parseConfig } from "@revkv/api/adapter";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { BetterSqlite3Driver } from "../src/better-sqlite3-driver.ts";
import { Connection } from "../src/connection.ts";
import { migrate } from "../src/schema.ts";
import { SqliteStorage } from "../src/sqlite-storage.ts";
import { Store } from "../src/store.ts";
import { later } from "./open.ts";

const call = { signal: new AbortController().signal };

/** How many rows a step may look at, by any way. */
const longestStep = 2000;

/** A bucket, and how many rows its statements have given since it was asked last. */
async function bucketOf(config: object): Promise<readonly [BucketStorage, () => number]> {
  const database = new Database(":memory:");
  later(() => database.close());
  const driver = new BetterSqlite3Driver(database);
  let given = 0;
  const query = driver.query.bind(driver);
  driver.query = (sql) => {
    const statement = query(sql);
    const all = statement.all.bind(statement);
    statement.all = (...parameters) => {
      const rows = all(...parameters);
      given += rows.length;
      return rows;
    };
    return statement;
  };
  const connection = new Connection(driver);
  await migrate(connection, "revkv_", call);
  const storage = new SqliteStorage(new Store(connection, "revkv_", undefined), false, () => undefined);
  const { bucket } = await storage.createBucket(parseConfig(JSON.stringify({ bucket: "b", ...config })), call);
  const reset = (): number => {
    const count = given;
    given = 0;
    return count;
  };
  return [bucket, reset];
}

const put = (key: string): Unit => [{ op: "put", key, value: "x", expect: undefined, ttl: undefined }];

async function fill(bucket: BucketStorage, keys: readonly string[]): Promise<void> {
  for (let from = 0; from < keys.length; from += 1000)
    await bucket.commit(keys.slice(from, from + 1000).map(put), call);
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function queryOf(filter: string, more: Partial<LogQuery> = {}): LogQuery {
  return {
    filter: compileFilter(filter),
    after: { revision: 0 },
    upTo: undefined,
    newestOnly: false,
    values: true,
    limit: 500,
    maxBytes: 2 ** 20,
    ...more,
  };
}

/** Reads all pages of a query; `between` is called after each. */
async function pagesOf(
  bucket: BucketStorage,
  query: LogQuery,
  { resuming = true, between = async () => {} }: { resuming?: boolean; between?: (page: LogPage) => unknown } = {},
): Promise<readonly LogPage[]> {
  const pages: LogPage[] = [];
  for (let next = query; ; ) {
    const page = await bucket.readLog(next, call);
    pages.push(page);
    await between(page);
    if (page.done) return pages;
    next = {
      ...next,
      after: page.end,
      upTo: query.upTo ?? pages[0]?.head.revision,
      resume: resuming ? page.resume : undefined,
    };
  }
}

const keysOf = (pages: readonly LogPage[]): readonly string[] =>
  pages.flatMap(({ rows }) => rows.map(({ key }) => key));

test("the newest entries of a deep log are looked for in steps of a bounded length", async () => {
  const [bucket] = await bucketOf({ history: 2 });
  const keys = numbered("key.", 5000);
  await fill(bucket, [...keys, ...keys]);
  const query = queryOf(">", { newestOnly: true });
  const first = await bucket.readLog(query, call);
  expect(first).toMatchObject({ rows: [], done: false });
  expect(first.end.revision).toBeLessThanOrEqual(longestStep);
  expect(keysOf(await pagesOf(bucket, query))).toEqual(keys);
});

test("in a log of which little is left a step goes by rows, not by revisions", async () => {
  const [bucket] = await bucketOf({});
  await fill(bucket, ["first", ...Array.from({ length: 30_000 }, () => "often"), "last"]);
  const pages = await pagesOf(bucket, queryOf("*", { values: false }));
  expect(keysOf(pages)).toEqual(["first", "often", "last"]);
  expect(pages).toHaveLength(1);
});

test("the few entries of a narrow filter are found in a deep log without walking through it", async () => {
  const [bucket, given] = await bucketOf({});
  await fill(bucket, ["few.1", ...numbered("many.", 20_000), "few.3", "few.2"]);
  given();
  const pages = await pagesOf(bucket, queryOf("few.*"));
  expect(keysOf(pages)).toEqual(["few.1", "few.3", "few.2"]);
  expect(pages).toHaveLength(1);
  expect(given()).toBeLessThan(20);
});

test.each(["many.>", "many.*.odd"])(
  "the many entries of %s come in order, in steps of a bounded length",
  async (filter) => {
    const [bucket, given] = await bucketOf({});
    const many = Array.from(
      { length: 12_000 },
      (_, index) => `many.${(index * 7919) % 12_000}.${index % 2 ? "odd" : "even"}`,
    );
    await fill(bucket, [...numbered("before.", 60_000), ...many]);
    const wanted = many.filter((key) => compileFilter(filter).matches(key));
    const steps: number[] = [];
    given();
    const between = (): void => void steps.push(given());
    const pages = await pagesOf(bucket, queryOf(filter), { between });
    const matching = (rows: readonly string[]): string[] => rows.filter((key) => compileFilter(filter).matches(key));
    expect(matching(keysOf(pages))).toEqual(wanted);
    expect(Math.max(...steps)).toBeLessThanOrEqual(longestStep);
    expect(matching(keysOf(await pagesOf(bucket, queryOf(filter), { resuming: false })))).toEqual(wanted);
  },
);

test("what is written while a filter's entries are gathered is neither doubled nor lost", async () => {
  const [bucket] = await bucketOf({ history: 2 });
  const keys = numbered("many.", 3000);
  await fill(bucket, [...numbered("before.", 20_000), ...keys]);
  let written = 0;
  const pages = await pagesOf(bucket, queryOf("many.>"), {
    between: async () => {
      const step = keys.slice(written, written + 30).flatMap((key) => [key, key]);
      written += 30;
      await bucket.commit([...step, `many.new.${written}`].map(put), call);
    },
  });
  const revisions = pages.flatMap(({ rows }) => rows.map(({ revision }) => revision));
  expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
  expect(revisions.at(-1)).toBe(23_000);
  expect(pages.length).toBeLessThan(23_000 / 500);
  const delivered = new Set(revisions);
  const kept = (await pagesOf(bucket, queryOf("many.>", { upTo: 23_000 }))).flatMap(({ rows }) => rows);
  for (const { revision } of kept) expect(delivered, `revision ${revision}`).toContain(revision);
});
