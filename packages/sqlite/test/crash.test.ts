import { expect, test } from "vitest";
import { command, start } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

const rounds = 20;
const count = 20_000;

test.each(["better-sqlite3", "node:sqlite"] as const)(
  "%s: kill -9 of a writing process: what was acknowledged is there, without gaps, and was seen by a watcher",
  { timeout: 120_000 },
  async (driver) => {
    const file = await temporaryFile();
    const kv = await (await open({ file, driver })).createKeyValue({ bucket: "b" });
    const seen: number[] = [];
    const watcher = await kv.watch(">", { updatesOnly: true, metaOnly: true });
    const watching = watcher.forEach((entry) => {
      if (entry !== null) seen.push(entry.revision);
    });
    let last = 0;
    for (let round = 0; round < rounds; round += 1) {
      const prefix = `w.${round}`;
      const { child, ended } = start(command("./put-many.ts", { file, driver, prefix, count, width: 20 }));
      // At most half-way: a pipe holds some thousand lines that were said, but not heard yet.
      const enough = (Math.random() * count) / 2;
      let heard = 0;
      child.stdout?.on("data", (data) => {
        heard += String(data).split("\n").length - 1;
        if (heard > enough) child.kill("SIGKILL");
      });
      const { output } = await ended;
      // The last line may be cut off: then its write was not acknowledged yet.
      const acknowledged = output
        .split("\n")
        .slice(0, -1)
        .map((line) => line.split(" "));
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(acknowledged.length, "the process was killed in the middle").toBeLessThan(count);
      const kept = new Map((await kv.history(`${prefix}.*`)).map((entry) => [entry.revision, entry] as const));
      for (const [, index, revision] of acknowledged) {
        expect(kept.get(Number(revision))?.string(), `revision ${revision}`).toBe(index);
      }
      const revisions = [...kept.keys()];
      expect(revisions).toEqual(Array.from(revisions, (_, index) => last + 1 + index));
      last += revisions.length;
    }
    const status = await kv.status();
    expect(status.lastRevision).toBe(last);
    expect(status.values).toBe(last);
    await expect.poll(() => seen.at(-1)).toBe(last);
    await watcher.stop();
    await watching;
    expect(seen).toEqual(Array.from(seen, (_, index) => index + 1));
  },
);
