/** Writes beside a watcher in a process of its own, and tells how much the process held meanwhile. */
import type { KeyWatcher } from "@revkv/api";
import { connect } from "@revkv/memory";
import type { Held, Writing } from "./bounded-memory.ts";
import { footprint } from "./footprint.ts";
import { answer, givenTask } from "./processes.ts";

const { reader, size, puts } = givenTask() as Writing;
const manager = await connect();
const bucket = await manager.createKeyValue({ bucket: "bench" });

let seen = 0;
async function readAll(watcher: KeyWatcher): Promise<void> {
  for await (const entry of watcher) if (entry !== null) seen = entry.revision;
}

async function watch(): Promise<KeyWatcher | undefined> {
  if (reader === "none") return undefined;
  const watcher = await bucket.watch(">");
  if (reader === "reads all") void readAll(watcher);
  return watcher;
}

const value = "v".repeat(90);
let revision = 0;
async function putAll(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    revision = await bucket.put(`key.${index % size}`, `${value}${index}`);
  }
}

await putAll(size);
const watcher = await watch();
let peak = 0;
let end = 0;
const looks = 20;
for (let look = 0; look < looks; look += 1) {
  await putAll(puts / looks);
  end = (await footprint()).held;
  peak = Math.max(peak, end);
}
if (reader === "reads all" && seen !== revision) throw new Error(`the reader saw ${seen} of ${revision}`);
const held: Held = { peak, end, resident: process.resourceUsage().maxRSS * 1024 };
await watcher?.stop();
await manager.close();
answer(held);
process.disconnect();
