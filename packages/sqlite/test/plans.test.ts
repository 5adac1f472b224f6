import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { BetterSqlite3Driver } from "../src/better-sqlite3-driver.ts";
import { BucketStatements } from "../src/bucket-statements.ts";
import { Connection } from "../src/connection.ts";
import type { Driver, Statement } from "../src/driver.ts";
import { createRows, migrate, rowsTable } from "../src/schema.ts";

const prefix = "revkv_";
const call = { signal: new AbortController().signal };

/** A statement, by the way to get it. */
type Statements = Readonly<Record<string, (of: BucketStatements) => Statement>>;

/** How SQLite goes about each statement of a bucket, by the statement's name; without statistics, as in use. */
async function plansOf(statements: Statements, textOf?: (name: string, sql: string) => void) {
  const database = new Database(":memory:");
  const driver = new BetterSqlite3Driver(database);
  await migrate(new Connection(driver), prefix, call);
  createRows(driver, rowsTable(prefix, 1));
  let sql = "";
  const noting: Driver = {
    name: driver.name,
    inTransaction: false,
    resultOf: driver.resultOf,
    exec: (text) => driver.exec(text),
    command: (text) => {
      sql = text;
      return driver.command(text);
    },
    query: (text) => {
      sql = text;
      return driver.query(text);
    },
    close: () => driver.close(),
  };
  const plans: Record<string, string[]> = {};
  for (const [name, prepare] of Object.entries(statements)) {
    prepare(new BucketStatements(noting, prefix, 1));
    textOf?.(name, sql);
    const parameters = Array.from(sql.matchAll(/\?/g), () => 1);
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
    plans[name] = rows.map((row) => (row as { readonly detail: string }).detail.replaceAll("revkv_rows_1", "rows"));
  }
  database.close();
  return plans;
}

const plain = { expiring: false, newestOnly: false };
const expiring = { expiring: true, newestOnly: true };

const onTheWay: Statements = {
  state: (of) => of.state(),
  setState: (of) => of.setState(),
  setConfig: (of) => of.setConfig(),
  get: (of) => of.get(),
  newestRevisions: (of) => of.newestRevisions(),
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
  markedKeys: (of) => of.markedKeys(),
  insert: (of) => of.insert(),
  remove: (of) => of.remove(),
  removeAll: (of) => of.removeAll(),
  overwrite: (of) => of.overwrite(),
  removeKey: (of) => of.removeKey(),
  trim: (of) => of.trim(),
};

test("no statement on the way of reads and writes goes through the whole table, sorts, or builds an index", async () => {
  const plans = await plansOf(onTheWay);
  for (const [name, steps] of Object.entries(plans)) {
    for (const step of steps)
      expect(step, name).not.toMatch(/SCAN (?!j\b|k\b|n\b|json_each\b|CONSTANT ROW)|TEMP B-TREE|AUTOMATIC/);
  }
});

test("no statement is planned again for new values: a bare parameter stands neither behind = nor behind LIMIT", async () => {
  const texts = new Map<string, string>();
  await plansOf(onTheWay, (name, sql) => texts.set(name, sql));
  expect(texts.size).toBe(Object.keys(onTheWay).length);
  for (const [name, sql] of texts) {
    const condition = sql.replace(/^UPDATE .* SET .* WHERE/s, "");
    expect(condition, name).not.toMatch(/([^<>]=|LIMIT|OFFSET) \?/);
  }
});

test("filters with a literal prefix use the index range of the keys", async () => {
  const { newestInRange = [], inRange = [] } = await plansOf({
    newestInRange: (of) => of.newestInRange(),
    inRange: (of) => of.inRange(),
  });
  const range = "USING COVERING INDEX rows_key (key>? AND key<?)";
  expect(newestInRange).toContain(`SEARCH rows ${range}`);
  expect(inRange).toContain("SEARCH r USING INDEX rows_key (key>? AND key<?)");
});

test("the newest row of a key is found by the end of its index range, and the log is read by revision", async () => {
  const { get = [], scan = [] } = await plansOf({ get: (of) => of.get(), scan: (of) => of.scan(plain) });
  expect(get[0]).toBe("SEARCH r USING INDEX rows_key (key=?)");
  expect(scan).toEqual(["SEARCH r USING INDEX rows_revision (revision>? AND revision<?)"]);
});
