import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { needTool } from "@revkv/servers/tool";
import { expect, test } from "vitest";
import { command, start } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

const writes = 10;

/** How many revisions may be given from when a write is called to its own: where nobody leaves the lock it is up to 27. */
const mostBefore = 6;

test.runIf(process.platform === "linux").each(["better-sqlite3", "node:sqlite"] as const)(
  "%s: who writes without a pause, on a disk so slow that the lock is hardly ever free, leaves others a moment",
  { timeout: 120_000 },
  async (driver) => {
    needTool("strace");
    const file = await temporaryFile();
    const stop = `${file}.stop`;
    const manager = await open({ file, driver, timeout: 60_000 });
    const kv = await manager.createKeyValue({ bucket: "b" });
    const lastOfTheOther = async (): Promise<number> => (await kv.get("busy"))?.revision ?? 0;
    const slow = "inject=fsync,fdatasync:delay_exit=60ms";
    const writer = command("./write-without-pause.ts", { file, driver, stop });
    const busy = start([
      "strace",
      "-f",
      "--seccomp-bpf",
      "-qq",
      "-o",
      `${file}.trace`,
      "-e",
      "trace=fsync,fdatasync",
      "-e",
      slow,
      ...writer,
    ]);
    try {
      for (let write = 0; write < writes; write += 1) {
        const before = await lastOfTheOther();
        await expect.poll(lastOfTheOther, { timeout: 30_000 }).toBeGreaterThan(before + 1);
        const atTheCall = await lastOfTheOther();
        expect((await kv.put("mine", "x")) - atTheCall).toBeLessThanOrEqual(mostBefore);
      }
      expect(existsSync(`${file}-wait`)).toBe(false);
    } finally {
      await writeFile(stop, "");
      expect(await busy.ended).toMatchObject({ code: 0 });
    }
  },
);
