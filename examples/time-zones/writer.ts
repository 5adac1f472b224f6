/** The process that writes; it waits for the watcher where the next step is the watcher's. */
import { current, currentOffset, keyOf, moveClock, open, paris, say, section, shifted, until } from "./zones.ts";

const { manager, steps } = await open();
const names = Intl.supportedValuesOf("timeZone");
console.log(`revkv on ${manager.backingStore}, with the ${names.length} time zones that this machine knows`);

section("1. A writer loads them into a bucket that keeps 5 entries per key");
const zones = await manager.createKeyValue({ bucket: "zones", history: 5 });
const created = await zones.transaction(
  names.map((name) => ({ op: "create", key: keyOf(name), value: currentOffset(name) })),
);
say(`one transaction created ${created.length} keys: revisions ${created[0]} to ${created.at(-1)}`);
say(`Europe/Paris is ${keyOf("Europe/Paris")}; "+" may not stand in a key: Etc/GMT+5 is ${keyOf("Etc/GMT+5")}`);
await steps.put("loaded", "");

await until(steps, "watching");
for (const key of [paris, "zone.America.Lima", "zone.Europe.Berlin", "zone.Europe.London"]) {
  await moveClock(zones, key, 60);
}

await until(steps, "watched");
section("3. Compare-and-set: both have read Paris at the same revision");
const read = await current(zones, paris);
const revision = await zones.update(paris, shifted(read.string(), 15), read.revision);
say(`adds 15 minutes to revision ${read.revision}: written as revision ${revision}`);
await steps.put("added", "");

await until(steps, "added-again");
say(`both changes count: Paris is at ${(await current(zones, paris)).string()}`);

section("4. A delete leaves a marker, and create may replace it");
say(`delete: revision ${await zones.delete(paris)} is a marker, get gives ${await zones.get(paris)}`);
say(`create: revision ${await zones.create(paris, currentOffset("Europe/Paris"))}, ${paris} is live again`);
await steps.put("recreated", "");
await manager.close();
