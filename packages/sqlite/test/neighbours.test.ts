import type { KeyValueManager } from "@revkv/api";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { later, open, temporaryFile } from "./open.ts";

/** Two managers: on a file each with a connection of its own, or on one Database. */
async function two(how: "file" | "Database"): Promise<readonly [KeyValueManager, KeyValueManager]> {
  const file = await temporaryFile();
  if (how === "file") return [await open({ file }), await open({ file })];
  const database = new Database(file, { timeout: 0 });
  later(() => database.close());
  database.pragma("journal_mode = WAL");
  return [await open({ database }), await open({ database })];
}

test.each(["file", "Database"] as const)(
  "T2: an expiry that another manager on the %s has left behind is carried out",
  async (how) => {
    const [one, other] = await two(how);
    const bucket = await one.createKeyValue({ bucket: "b", limitMarkerTtl: 60_000 });
    const watcher = await bucket.watch("key", { updatesOnly: true });
    await (await other.keyValue("b")).put("key", "x", { ttl: 700 });
    await other.close();
    // The value itself may be gone before it is read.
    for await (const entry of watcher) {
      if (entry === null || entry.operation === "PUT") continue;
      expect(entry).toMatchObject({ operation: "PURGE", revision: 2, reason: "expired" });
      break;
    }
  },
);

test.each(["file", "Database"] as const)(
  "W7: what another manager on the %s has purged is not delivered from a page that was read before",
  async (how) => {
    const [one, other] = await two(how);
    const bucket = await one.createKeyValue({ bucket: "b" });
    await bucket.put("a", "1");
    await bucket.put("b", "secret");
    const entries = (await bucket.watchAll())[Symbol.asyncIterator]();
    expect((await entries.next()).value).toMatchObject({ key: "a" });
    await (await other.keyValue("b")).purge("b");
    expect((await entries.next()).value).toBeNull();
    expect((await entries.next()).value).toMatchObject({ key: "b", operation: "PURGE" });
  },
);
