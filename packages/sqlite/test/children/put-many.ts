/** Puts many keys, some at a time, and says the revision of each that was acknowledged. */
import Database from "better-sqlite3";
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const options = JSON.parse(process.argv[2] ?? "") as SqliteFileOptions & {
  readonly prefix: string;
  readonly count: number;
  readonly width: number;
  /** Through a Database of the application, which can be set to less than we would. */
  readonly shared?: boolean;
};
const { file, driver, synchronous, shared = false, prefix, count, width } = options;

function applicationDatabase(): Database.Database {
  const database = new Database(file, { timeout: 0 });
  database.pragma(`synchronous = ${synchronous}`);
  return database;
}

const manager = await connect(shared ? { database: applicationDatabase() } : { file, driver, synchronous });
const kv = await manager.keyValue("b");
let next = 0;
const work = async (): Promise<void> => {
  for (let index = next++; index < count; index = next++) {
    const revision = await kv.put(`${prefix}.${index}`, `${index}`);
    // Pipes are written to synchronously: what was said is not lost with the process.
    process.stdout.write(`ack ${index} ${revision}\n`);
  }
};
await Promise.all(Array.from({ length: width }, work));
// Without closing, so that nothing is synced but what the writes asked for.
process.exit();
