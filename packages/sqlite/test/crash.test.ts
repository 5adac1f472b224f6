import { expect, test } from "vitest";
import { command, start } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

const rounds = 20;

test("kill -9 of a writing process: what was acknowledged is there, without gaps, and was seen by a watcher", {
  timeout: 120_000,
}, async () => {
  const file = await temporaryFile();
  const kv = await (await open({ file })).createKeyValue({ bucket: "b" });
  const seen: number[] = [];
  const watcher = await kv.watch(">", { updatesOnly: true, metaOnly: true });
  const watching = watcher.forEach((entry) => {
    if (entry !== null) seen.push(entry.revision);
  });
  let last = 0;
  for (let round = 0; round < rounds; round += 1) {
    const prefix = `w.${round}`;
    const { child, ended } = start(command("./put-many.ts", { file, prefix, count: 20_000, width: 20 }));
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
    child.kill("SIGKILL");
    const { output } = await ended;
    // The last line may be cut off: then its write was not acknowledged yet.
    const acknowledged = output
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" "));
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(acknowledged.length, "the process was killed in the middle").toBeLessThan(20_000);
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
});
