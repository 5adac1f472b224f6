import { expect, test } from "vitest";
import { command, run } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

const increments = 10_000;

test.each(["better-sqlite3", "node:sqlite"] as const)(
  "%s: four processes count on one key, and none is lost",
  {
    timeout: 120_000,
  },
  async (driver) => {
    const file = await temporaryFile();
    const kv = await (await open({ file, driver })).createKeyValue({ bucket: "b" });
    const options = { file, driver, synchronous: "normal", timeout: 60_000, increments };
    await Promise.all(Array.from({ length: 4 }, () => run(command("./count.ts", options))));
    expect((await kv.get("counter"))?.string()).toBe(`${4 * increments}`);
    expect((await kv.status()).lastRevision).toBe(4 * increments);
  },
);
