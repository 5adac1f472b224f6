import { expect, test } from "vitest";
import { command, run } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

test.each(["better-sqlite3", "node:sqlite"] as const)(
  "%s: a hundred watchers with nothing to do share one look at the file",
  { timeout: 60_000 },
  async (driver) => {
    const file = await temporaryFile();
    const kv = await (await open({ file, driver })).createKeyValue({ bucket: "b" });
    await kv.put("key.1", "x");
    const share = Number(await run(command("./idle.ts", { file, driver, watchers: 100 })));
    expect(share).toBeGreaterThan(0);
    // One look for all takes less than a hundredth of a core, one for each would take a third: in between is room for
    // whatever else the machine does.
    expect(share).toBeLessThan(0.05);
  },
);
