import { setTimeout as pass } from "node:timers/promises";
import { connect } from "@revkv/sqlite";
import { databaseFile } from "./raw-sqlite.ts";

const watchers = 100;

/** What share of a core watchers take while nothing happens; a section in Markdown. */
export async function idleShare(): Promise<string> {
  const manager = await connect({ file: databaseFile() });
  const bucket = await manager.createKeyValue({ bucket: "idle" });
  const waiting: Promise<unknown>[] = [];
  for (let index = 0; index < watchers; index += 1) {
    const entries = (await bucket.watchAll())[Symbol.asyncIterator]();
    await entries.next();
    waiting.push(entries.next());
  }
  // What the start left to do, such as compiling and collecting garbage, is done in the first second.
  await share(1000);
  const idle = await share(5000);
  await manager.close();
  await Promise.all(waiting);
  return `### Idle

${watchers} watchers that wait take ${(idle * 100).toFixed(2)} % of a core (wanted: below 1).
`;
}

/** CPU time over elapsed time. */
async function share(milliseconds: number): Promise<number> {
  const began = performance.now();
  const { user, system } = process.cpuUsage();
  await pass(milliseconds);
  const used = process.cpuUsage();
  return (used.user + used.system - user - system) / 1000 / (performance.now() - began);
}
