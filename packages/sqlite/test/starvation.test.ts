import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { KeyValue } from "@revkv/api";
import { needTool } from "@revkv/servers/tool";
import { expect, test } from "vitest";
import type { SqliteFileOptions } from "../src/index.ts";
import type { Running } from "./children/spawn.ts";
import { command, start } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

const writes = 10;

/** How many revisions may be given from when a write is called to its own: where nobody leaves the lock it is up to 27. */
const mostBefore = 6;

/** A process that writes without a pause, each time waiting for so long for the disk. */
function busyWriter(options: SqliteFileOptions & { readonly stop: string }, delay: string): Running {
  const slow = ["-e", "trace=fsync,fdatasync", "-e", `inject=fsync,fdatasync:delay_exit=${delay}`];
  const writer = command("./write-without-pause.ts", options);
  return start(["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", ...slow, ...writer]);
}

async function lastOf(kv: KeyValue, key: string): Promise<number> {
  return (await kv.get(key))?.revision ?? 0;
}

test.runIf(process.platform === "linux").each(["better-sqlite3", "node:sqlite"] as const)(
  "%s: who writes without a pause, on a disk so slow that the lock is hardly ever free, leaves others a moment",
  { timeout: 120_000 },
  async (driver) => {
    needTool("strace");
    const file = await temporaryFile();
    const stop = `${file}.stop`;
    const manager = await open({ file, driver, timeout: 60_000 });
    const kv = await manager.createKeyValue({ bucket: "b" });
    const busy = busyWriter({ file, driver, stop }, "60ms");
    try {
      for (let write = 0; write < writes; write += 1) {
        const before = await lastOf(kv, "busy");
        await expect.poll(() => lastOf(kv, "busy"), { timeout: 30_000 }).toBeGreaterThan(before + 1);
        const atTheCall = await lastOf(kv, "busy");
        expect((await kv.put("mine", "x")) - atTheCall).toBeLessThanOrEqual(mostBefore);
      }
      expect(existsSync(`${file}-wait`)).toBe(false);
    } finally {
      await writeFile(stop, "");
      expect(await busy.ended).toMatchObject({ code: 0 });
    }
  },
);

test.runIf(process.platform === "linux")(
  "a write of a process whose event loop seldom turns is not passed by for ever by others who try more often",
  { timeout: 120_000 },
  async () => {
    needTool("strace");
    const file = await temporaryFile();
    const stop = `${file}.stop`;
    const kv = await (await open({ file, driver: "better-sqlite3", timeout: 60_000 })).createKeyValue({ bucket: "b" });
    const others = Array.from({ length: 4 }, () => busyWriter({ file, driver: "better-sqlite3", stop }, "20ms"));
    let isBusy = true;
    const block = (): void => {
      const until = performance.now() + 50;
      while (performance.now() < until);
      if (isBusy) setImmediate(block);
    };
    try {
      await expect.poll(() => lastOf(kv, "busy"), { timeout: 30_000 }).toBeGreaterThan(20);
      block();
      let passed = 0;
      for (let write = 0; write < writes; write += 1) {
        const atTheCall = await lastOf(kv, "busy");
        passed += (await kv.put("mine", "x")) - atTheCall;
      }
      // Some 130; where each turn of the event loop is one try it is 400 to 800.
      expect(passed).toBeLessThan(writes * 30);
    } finally {
      isBusy = false;
      await writeFile(stop, "");
      for (const other of others) expect(await other.ended).toMatchObject({ code: 0 });
    }
  },
);
