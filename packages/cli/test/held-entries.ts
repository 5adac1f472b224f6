import { Client } from "pg";
import { expect } from "vitest";

/** Keeps everybody from writing to a store on Postgres that has a bucket. */
export interface HeldEntries {
  /** Resolves when so many wait to write. */
  untilWaiting(count: number): Promise<void>;
  release(): Promise<void>;
}

export async function holdEntries(url: string): Promise<HeldEntries> {
  const client = new Client(url);
  await client.connect();
  await client.query("BEGIN; LOCK TABLE revkv.entry IN SHARE MODE");
  const waiting = async (): Promise<number> => {
    const { rowCount } = await client.query(
      "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    return rowCount ?? 0;
  };
  return {
    untilWaiting: (count) => expect.poll(waiting, { timeout: 60_000 }).toBe(count),
    release: async () => {
      await client.query("COMMIT");
      await client.end();
    },
  };
}
