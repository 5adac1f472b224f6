import { isKeyValueError } from "@revkv/api";
import pg from "pg";
import { expect, test } from "vitest";
import { brief, checkSaid, reaches, see, startLoad, together, until } from "./load.ts";
import { emptyDatabase, later, open, poolOf } from "./open.ts";

const others = "datname = current_database() AND pid <> pg_backend_pid()";

/** Connects by itself, until the test is over. */
async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  later(() => client.end());
  return client;
}

test("connections that are ended under load, in turn and all at once: nothing is lost, doubled or said wrongly", async () => {
  const url = await emptyDatabase();
  const managers = [await open({ connectionString: url, max: 4 }), await open({ connectionString: url, max: 4 })];
  const bucket = { bucket: "load", history: 64 };
  const kvs = await Promise.all(managers.map((manager) => manager.createOrUpdateKeyValue(bucket)));
  const [kv] = kvs as [(typeof kvs)[0]];
  const seen = await Promise.all([...kvs, ...kvs].map(see));
  const loads = kvs.map((one, index) => startLoad(one, `m${index}`, 4, 2));
  const acknowledged = (): number => loads.reduce((sum, load) => sum + load.acknowledged.size, 0);
  const failed = (): number => loads.reduce((sum, load) => sum + load.refused.size + load.unknown.size, 0);
  const admin = await connected(url);

  const goOn = async (): Promise<void> => {
    const before = acknowledged();
    await until(() => acknowledged() > before + 20);
  };
  for (let round = 0; round < 10 || failed() === 0; round += 1) {
    await goOn();
    const { rows } = await admin.query(`SELECT pid FROM pg_stat_activity WHERE ${others}`);
    for (const { pid } of rows) {
      await admin.query("SELECT pg_terminate_backend($1)", [pid]);
      await goOn();
    }
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`);
  }
  await goOn();
  await Promise.all(loads.map((load) => load.stop()));

  const log = await kv.history(">");
  checkSaid(together(loads), log);
  for (const one of seen) {
    await reaches(one, log.at(-1)?.revision ?? 0);
    expect(brief(one.entries)).toEqual(brief(log));
  }
});

test("a write whose connection the server ends while it waits was not carried out, and says so", async () => {
  const url = await emptyDatabase();
  const kv = await (await open(url)).createKeyValue({ bucket: "waiting" });
  const holder = await connected(url);
  await holder.query("BEGIN");
  await kv.using(holder).put("held", "by another");
  const write = kv.put("waiting", "for the bucket").catch((error: unknown) => error);
  const admin = await connected(url);
  const waiting = "datname = current_database() AND wait_event_type = 'Lock'";
  await until(async () => (await admin.query(`SELECT FROM pg_stat_activity WHERE ${waiting}`)).rowCount === 1);
  await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${waiting}`);
  expect(await write).toSatisfy((error) => isKeyValueError(error, "UNAVAILABLE"));
  await holder.query("COMMIT");
  expect(await kv.keys()).toEqual(["held"]);
  expect(await kv.put("waiting", "again")).toBe(2);
});

test("a statement that its connection has forgotten fails once", async () => {
  const url = await emptyDatabase();
  const pool = poolOf(url, { max: 1 });
  const kv = await (await open({ pool })).createKeyValue({ bucket: "prepared" });
  await kv.put("a", "1");
  await kv.get("a");
  await pool.query("DEALLOCATE ALL");
  expect(await kv.get("a").catch((error: unknown) => error)).toSatisfy((error) =>
    isKeyValueError(error, "INCOMPATIBLE_STORAGE"),
  );
  expect((await kv.get("a"))?.string()).toBe("1");
});
