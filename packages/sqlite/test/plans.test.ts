import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { BetterSqlite3Driver } from "../src/better-sqlite3-driver.ts";
import { BucketStatements } from "../src/bucket-statements.ts";
import { Connection } from "../src/connection.ts";
import type { Driver, Statement } from "../src/driver.ts";
import { createRows, migrate, rowsTable } from "../src/schema.ts";
import { SqliteStorage } from "../src/sqlite-storage.ts";
import { Store } from "../src/store.ts";
import { later } from "./open.ts";

const prefix = "revkv_";
const call = { signal: new AbortController().signal };

/** A statement of a bucket, by the way to get it. */
type Statements = Readonly<Record<string, (of: BucketStatements) => Statement>>;

/** Texts of statements, by a name. */
type Texts = ReadonlyMap<string, string>;

/** A driver with our tables and one bucket's, and the texts that were prepared on it. */
async function noting(): Promise<{
  readonly database: Database.Database;
  readonly driver: Driver;
  readonly prepared: string[];
}> {
  const database = new Database(":memory:");
  later(() => database.close());
  const driver = new BetterSqlite3Driver(database);
  await migrate(new Connection(driver), prefix, call);
  createRows(driver, rowsTable(prefix, 1));
  const prepared: string[] = [];
  for (const way of ["command", "query"] as const) {
    const prepare = driver[way].bind(driver);
    driver[way] = (sql) => {
      prepared.push(sql);
      return prepare(sql);
    };
  }
  return { database, driver, prepared };
}

/** The texts of a bucket's statements. */
async function textsOf(statements: Statements): Promise<Texts> {
  const { driver, prepared } = await noting();
  for (const prepare of Object.values(statements)) prepare(new BucketStatements(driver, prefix, 1));
  return new Map(Object.keys(statements).map((name, index) => [name, prepared[index] as string]));
}

/** The texts of what the storage asks of all buckets: to find them, to list them, and to sweep them. */
async function storageTexts(): Promise<Texts> {
  const { driver, prepared } = await noting();
  const connection = new Connection(driver);
  prepared.length = 0;
  new SqliteStorage(new Store(connection, prefix, undefined), false, () => undefined);
  return new Map(prepared.map((sql) => [sql, sql]));
}

/** How SQLite goes about statements; without statistics, as in use. */
async function plansOf(texts: Texts): Promise<Readonly<Record<string, readonly string[]>>> {
  const { database } = await noting();
  const plans = [...texts].map(([name, sql]) => {
    const parameters = Array.from(sql.matchAll(/\?/g), () => 1);
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
    const steps = rows.map((row) => (row as { readonly detail: string }).detail.replaceAll("revkv_rows_1", "rows"));
    return [name, steps] as const;
  });
  return Object.fromEntries(plans);
}

const plain = { expiring: false, newestOnly: false };
const expiring = { expiring: true, newestOnly: true };

const onTheWay: Statements = {
  state: (of) => of.state(),
  setState: (of) => of.setState(),
  setConfig: (of) => of.setConfig(),
  get: (of) => of.get(),
  newestIds: (of) => of.newestIds(),
  rows: (of) => of.rows(true),
  newest: (of) => of.newest(),
  kept: (of) => of.kept(),
  revision: (of) => of.revision(true),
  scan: (of) => of.scan(plain),
  "scan, expiring, newest": (of) => of.scan(expiring),
  scanRange: (of) => of.scanRange(plain),
  "scanRange, expiring, newest": (of) => of.scanRange(expiring),
  revisionBehind: (of) => of.revisionBehind(),
  inRange: (of) => of.inRange(),
  sizes: (of) => of.sizes(plain),
  "sizes, expiring, newest": (of) => of.sizes(expiring),
  newestInRange: (of) => of.newestInRange(),
  lapsedMarker: (of) => of.lapsedMarker(),
  agedMarker: (of) => of.agedMarker(),
  expired: (of) => of.expired(),
  oldest: (of) => of.oldest(),
  firstDue: (of) => of.firstDue(),
  markedKeys: (of) => of.markedKeys(),
  insert: (of) => of.insert(),
  remove: (of) => of.remove(),
  removeAll: (of) => of.removeAll(),
  overwriteValue: (of) => of.overwriteValue(),
  overwrite: (of) => of.overwrite(),
  removeKey: (of) => of.removeKey(),
  trim: (of) => of.trim(),
};

/** Statements that go through an index from its start: how they begin, and the step. */
const bounded: readonly (readonly [start: string, step: string])[] = [
  // Their LIMIT holds them.
  ['SELECT id FROM "revkv_dropped"', "SCAN revkv_dropped"],
  ["oldest", "SCAN r USING INDEX rows_revision"],
  ["firstDue", "SCAN rows USING INDEX rows_revision"],
  // All of the index is wanted: every bucket in which something can expire.
  ["SELECT id, name, incarnation FROM", "SCAN revkv_bucket USING INDEX revkv_bucket_expiring"],
];

test("no statement on the way of reads, writes and sweeps goes through a whole table, sorts, or builds an index", async () => {
  const texts = new Map([...(await textsOf(onTheWay)), ...(await storageTexts())]);
  expect(texts.size).toBeGreaterThan(Object.keys(onTheWay).length);
  for (const [name, steps] of Object.entries(await plansOf(texts))) {
    const allowed = bounded.filter(([start]) => name.startsWith(start)).map(([, step]) => step);
    for (const step of steps.filter((step) => !allowed.includes(step))) {
      expect(step, name).not.toMatch(/SCAN (?!j\b|k\b|n\b|json_each\b|CONSTANT ROW)|TEMP B-TREE|AUTOMATIC/);
    }
  }
});

test("no statement is planned again for new values: a bare parameter stands neither behind = nor behind LIMIT", async () => {
  for (const [name, sql] of [...(await textsOf(onTheWay)), ...(await storageTexts())]) {
    const condition = sql.replace(/^UPDATE .* SET .* WHERE/s, "");
    expect(condition, name).not.toMatch(/([^<>]=|LIMIT|OFFSET) \?/);
  }
});

test("filters with a literal prefix use the index range of the keys", async () => {
  const texts = await textsOf({ newestInRange: (of) => of.newestInRange(), inRange: (of) => of.inRange() });
  const { newestInRange, inRange } = await plansOf(texts);
  const range = "USING COVERING INDEX rows_key (key>? AND key<?)";
  expect(newestInRange).toContain(`SEARCH rows ${range}`);
  expect(inRange).toContain("SEARCH r USING INDEX rows_key (key>? AND key<?)");
});

test("the newest row of a key is found by the end of its index range, and the log is read by revision", async () => {
  const { get, scan } = await plansOf(await textsOf({ get: (of) => of.get(), scan: (of) => of.scan(plain) }));
  expect(get?.[0]).toBe("SEARCH r USING INDEX rows_key (key=?)");
  expect(scan).toEqual(["SEARCH r USING INDEX rows_revision (revision>? AND revision<?)"]);
});
