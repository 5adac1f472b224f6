import { randomInt } from "node:crypto";
import type { KeyValue } from "@revkv/api";
import pg from "pg";
import { expect, test } from "vitest";
import { Statements } from "../src/statements.ts";
import { brief, reaches, see, until } from "./load.ts";
import { emptyDatabase, later, open } from "./open.ts";

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  later(() => client.end());
  return client;
}

/** A lock that somebody waits for. */
const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** What a compare-and-set with revision 1 becomes, in different ways to the functions of the database. */
const attempts: Readonly<Record<string, (kv: KeyValue) => Promise<unknown>>> = {
  "by itself": (kv) => kv.update("x", "late", 1),
  "in a transaction": (kv) =>
    kv.transaction([
      { op: "put", key: "y", value: "1" },
      { op: "update", key: "x", value: "late", lastRevision: 1 },
    ]),
  "in a batch": async (kv) => {
    const others = Array.from({ length: 30 }, (_, index) => kv.put(`other.${index}`, "x"));
    const update = kv.update("x", "late", 1);
    // Told by the update as well, if it is at all.
    await Promise.all(others);
    await update;
  },
};

test.each(Object.entries(attempts))(
  "a compare-and-set that waited sees what was committed meanwhile: %s",
  async (_, attempt) => {
    const url = await emptyDatabase();
    const kv = await (await open(url)).createKeyValue({ bucket: "race", history: 5 });
    await kv.put("x", "first");
    const holder = await connected(url);
    await holder.query("BEGIN");
    expect(await kv.using(holder).put("x", "second")).toBe(2);
    const late = attempt(kv).catch((error: unknown) => error);
    await until(async () => (await holder.query(waiting)).rowCount === 1);
    await holder.query("COMMIT");
    expect(await late).toMatchObject({ code: "REVISION_MISMATCH", key: "x", expected: 1, actual: 2 });
    expect((await kv.history("x")).map((entry) => entry.string())).toEqual(["first", "second"]);
  },
);

test("two clients within transactions: the one that waited is refused", async () => {
  const url = await emptyDatabase();
  const kv = await (await open(url)).createKeyValue({ bucket: "race" });
  await kv.put("x", "first");
  const [one, two] = [await connected(url), await connected(url)];
  for (const client of [one, two]) {
    await client.query("BEGIN");
    expect((await kv.using(client).get("x"))?.revision).toBe(1);
  }
  expect(await kv.using(one).update("x", "one", 1)).toBe(2);
  const late = kv
    .using(two)
    .update("x", "two", 1)
    .catch((error: unknown) => error);
  await until(async () => (await one.query(waiting)).rowCount === 1);
  await one.query("COMMIT");
  expect(await late).toMatchObject({ code: "REVISION_MISMATCH", expected: 1, actual: 2 });
  await two.query("COMMIT");
  expect((await kv.get("x"))?.string()).toBe("one");
});

test("8 writers with random rollbacks: no gap for a reader of the tail, nor for a watcher", async () => {
  const url = await emptyDatabase();
  const manager = await open(url);
  const kv = await manager.createKeyValue({ bucket: "dense", history: 64 });
  const seen = await see(await (await open(url)).keyValue("dense"));
  const clients = await Promise.all(Array.from({ length: 8 }, () => connected(url)));
  let committed = 0;
  const writing = clients.map(async (client, writer) => {
    for (let index = 0; index < 60; index += 1) {
      await client.query("BEGIN");
      const joined = kv.using(client);
      for (let part = randomInt(3); part >= 0; part -= 1) await joined.put(`${writer}.${index}.${part}`, "x");
      const isCommitted = randomInt(3) > 0;
      await client.query(isCommitted ? "COMMIT" : "ROLLBACK");
      if (isCommitted) committed += 1;
    }
  });
  let isOver = false;
  const over = Promise.all(writing).then(() => {
    isOver = true;
  });
  const { schema } = new Statements("revkv");
  const tail = await connected(url);
  const read: number[] = [];
  const follow = async (): Promise<void> => {
    const text = `SELECT revision FROM ${schema}.entry WHERE revision > $1 ORDER BY revision LIMIT 500`;
    const { rows } = await tail.query(text, [read.at(-1) ?? 0]);
    read.push(...rows.map(({ revision }) => Number(revision)));
  };
  while (!isOver) await follow();
  await over;
  await follow();

  const { lastRevision } = await kv.status();
  expect(committed).toBeGreaterThan(0);
  expect(committed).toBeLessThan(8 * 60);
  expect(read).toEqual(Array.from({ length: lastRevision }, (_, index) => index + 1));
  await reaches(seen, lastRevision);
  expect(brief(seen.entries)).toEqual(brief(await kv.history(">")));
});
