import { writeFile } from "node:fs/promises";
import type { KeyValue } from "@revkv/api";
import { needTool } from "@revkv/servers/tool";
import { expect, test } from "vitest";
import type { Running } from "./children/spawn.ts";
import { command, start } from "./children/spawn.ts";
import type { WritingOptions } from "./children/write-without-pause.ts";
import { isAsked } from "./lock-request.ts";
import { open, temporaryFile } from "./open.ts";

const writes = 10;

/** How many processes write without a pause beside each other. */
const writers = 6;

/** How many revisions may be given from when a write is called to its own: where nobody leaves the lock it is up to 27. */
const mostBefore = 6;

/** A process that writes without a pause, each time waiting for so long for the disk. */
function busyWriter(given: Partial<WritingOptions> & Pick<WritingOptions, "file" | "stop">, delay: string): Running {
  const options: WritingOptions = { managers: 1, key: "busy", ...given };
  const slow = ["-e", "trace=fsync,fdatasync", "-e", `inject=fsync,fdatasync:delay_exit=${delay}`];
  const writer = command("./write-without-pause.ts", options);
  return start(["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", ...slow, ...writer]);
}

async function lastOf(kv: KeyValue, key: string): Promise<number> {
  return (await kv.get(key))?.revision ?? 0;
}

test.runIf(process.platform === "linux").each([
  { driver: "better-sqlite3", managers: 1 },
  { driver: "node:sqlite", managers: 1 },
  { driver: "node:sqlite", managers: 2 },
] as const)(
  "$driver: who writes without a pause, by $managers connections, on a disk so slow that the lock is hardly ever free, leaves others a moment",
  { timeout: 120_000 },
  async ({ driver, managers }) => {
    needTool("strace");
    const file = await temporaryFile();
    const stop = `${file}.stop`;
    const manager = await open({ file, driver, timeout: 60_000 });
    const kv = await manager.createKeyValue({ bucket: "b" });
    const busy = busyWriter({ file, driver, stop, managers }, "60ms");
    try {
      for (let write = 0; write < writes; write += 1) {
        const before = await lastOf(kv, "busy");
        await expect.poll(() => lastOf(kv, "busy")).toBeGreaterThan(before + 1);
        const atTheCall = await lastOf(kv, "busy");
        expect((await kv.put("mine", "x")) - atTheCall).toBeLessThanOrEqual(mostBefore);
      }
      await expect.poll(() => isAsked(file)).toBe(false);
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
      await expect.poll(() => lastOf(kv, "busy")).toBeGreaterThan(20);
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

test.runIf(process.platform === "linux")(
  "of several processes that write without a pause none is passed by, time after time, by those who came later",
  { timeout: 120_000 },
  async () => {
    needTool("strace");
    const file = await temporaryFile();
    const stop = `${file}.stop`;
    const manager = await open({ file, driver: "better-sqlite3", timeout: 60_000 });
    // So much that none is overwritten before it is read here, however busy the machine is.
    const kv = await manager.createKeyValue({ bucket: "b", history: 64 });
    const running = Array.from({ length: writers }, (_, index) =>
      busyWriter({ file, driver: "better-sqlite3", stop, key: `${index}` }, "20ms"),
    );
    const begun = new Set<string>();
    const turns: string[] = [];
    try {
      for await (const entry of await kv.watchAll()) {
        if (entry === null) continue;
        begun.add(entry.key);
        // Until then some have been passed by only because they were being started.
        if (begun.size === writers && entry.key !== turns.at(-1)) turns.push(entry.key);
        if (turns.length === 100) break;
      }
    } finally {
      await writeFile(stop, "");
      for (const writer of running) expect(await writer.ended).toMatchObject({ code: 0 });
    }
    // Seven or eight; where chance decides some twenty.
    expect(longestAbsence(turns)).toBeLessThanOrEqual(2 * writers);
  },
);

/** How many turns lie at the most between two of the same. */
function longestAbsence(turns: readonly string[]): number {
  const last = new Map<string, number>();
  const absences = turns.map((key, turn) => {
    const absence = turn - (last.get(key) ?? 0);
    last.set(key, turn);
    return absence;
  });
  return Math.max(...absences, ...[...last.values()].map((turn) => turns.length - turn));
}
