import { expect, test } from "vitest";
import { command, run } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

test.each(["better-sqlite3", "node:sqlite"] as const)(
  "%s: a hundred watchers with nothing to do take less than a hundredth of a core",
  { timeout: 60_000 },
  async (driver) => {
    const file = await temporaryFile();
    const kv = await (await open({ file, driver })).createKeyValue({ bucket: "b" });
    await kv.put("key.1", "x");
    const share = Number(await run(command("./idle.ts", { file, driver, watchers: 100 })));
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(0.01);
  },
);
