import { randomBytes } from "node:crypto";
import { connect } from "@revkv/postgres";
import pg from "pg";
import { table } from "./markdown.ts";

/** How many puts are in flight at a time. */
const together = 500;
const hotKeys = 1000;

/** What a long run of overwrites does to the database: its size, and its pace beside a transaction that stays open. */
export async function soak(url: string, quick: boolean): Promise<string> {
  const schema = `soak_${randomBytes(6).toString("hex")}`;
  const manager = await connect({ connectionString: url, schema, timeout: 60_000 });
  const bucket = await manager.createKeyValue({ bucket: "soak" });
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const value = randomBytes(128);

  const overwrite = async (isOver: (done: number) => boolean): Promise<number> => {
    let done = 0;
    for (; !isOver(done); done += together) {
      await Promise.all(
        Array.from({ length: together }, () => bucket.put(`key.${Math.floor(Math.random() * hotKeys)}`, value)),
      );
    }
    return done;
  };
  const sizes = async (): Promise<readonly string[]> => {
    const { rows } = await admin.query({
      text: `SELECT pg_size_pretty(pg_table_size('${schema}.entry')) AS t, pg_size_pretty(pg_indexes_size('${schema}.entry')) AS i`,
      rowMode: "array",
    });
    return rows[0] as readonly string[];
  };
  /** Overwrites per second, for so many milliseconds. */
  const pace = async (milliseconds: number): Promise<number> => {
    const start = performance.now();
    const done = await overwrite(() => performance.now() - start > milliseconds);
    return (done / (performance.now() - start)) * 1000;
  };

  const steps = quick ? [1_000, 2_000] : [1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000];
  const grown: string[][] = [];
  let total = 0;
  for (const step of steps) {
    total += await overwrite((done) => total + done >= step);
    grown.push([step.toLocaleString("en"), ...(await sizes())]);
  }

  const minute = quick ? 200 : 60_000;
  const last = minute / 6;
  const before = await pace(last);
  const old = new pg.Client({ connectionString: url });
  await old.connect();
  await old.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await old.query("SELECT count(*) FROM pg_class");
  await pace(minute - last);
  const beside = await pace(last);
  await old.query("ROLLBACK");
  await old.end();

  await manager.close();
  await admin.query(`DROP SCHEMA ${schema} CASCADE`);
  await admin.end();
  return `### Long runs

${hotKeys.toLocaleString("en")} keys that are overwritten with values of ${value.length} bytes, ${together} at once, with autovacuum at its defaults.
It looks once a minute: the size follows what a minute of overwrites leaves behind.

${table(["overwrites", "table", "indexes"], grown)}
Beside a transaction that stays open elsewhere, so that no old version can be removed, the pace after ${Math.round(minute / 1000)} seconds
is ${(beside / before).toFixed(2)} times what it was before (wanted: at least 0.5).
`;
}
