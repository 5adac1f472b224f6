/** The process that watches what the writer does. */
import type { KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { moveClock, open, paris, say, section, shifted, show, until } from "./zones.ts";

const { manager, steps } = await open();
await until(steps, "loaded");

section("2. A watcher, another process, follows zone.Europe.* while the writer changes offsets");
const zones = await manager.keyValue("zones");
const { incarnation } = await zones.status();
const known = new Map<string, KeyValueEntry>();
let seen = 0;
for await (const entry of await zones.watch("zone.Europe.*")) {
  if (entry === null) {
    for (const first of [...known.values()].slice(0, 3)) show("initial", first);
    say(`… ${known.size - 3} more, then null: everything that was there has been read`);
    await steps.put("watching", "");
    continue;
  }
  known.set(entry.key, entry);
  if (!entry.isUpdate) continue;
  show("update", entry);
  seen = entry.revision;
  if (entry.key === "zone.Europe.London") break;
}
say(`the change of Lima in between does not match; stopped, having seen revision ${seen}`);
await steps.put("watched", JSON.stringify({ seen, incarnation }));

await until(steps, "added");
const last = known.get(paris);
try {
  await zones.update(paris, shifted(last?.string() ?? "", 30), last?.revision ?? 0);
} catch (error) {
  if (!isKeyValueError(error, "REVISION_MISMATCH")) throw error;
  say(`adds 30 minutes to revision ${error.expected}: ${error.code}, it is at revision ${error.actual}`);
  say(`reads again and adds 30 minutes to that: written as revision ${await moveClock(zones, paris, 30)}`);
}
await steps.put("added-again", "");

await until(steps, "recreated");
section("5. History: of 6 entries of Paris the newest 5 are kept");
for (const entry of await zones.history(paris)) show(entry.operation, entry);
await manager.close();
