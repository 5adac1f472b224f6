/**
 * `npm run demo`: buckets, watch, compare-and-set, markers, history and resuming, shown on the time zones that this
 * machine knows and on their current offsets from UTC.
 */
import type { KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { connect } from "@revkv/memory";

const manager = await connect();
const names = Intl.supportedValuesOf("timeZone");
console.log(`revkv on ${manager.backingStore}, with the ${names.length} time zones that this machine knows`);

section("1. Load them into a bucket that keeps 5 entries per key");
const zones = await manager.createKeyValue({ bucket: "zones", history: 5 });
const created = await zones.transaction(
  names.map((name) => ({ op: "create", key: keyOf(name), value: currentOffset(name) })),
);
console.log(`one transaction created ${created.length} keys: revisions ${created[0]} to ${created.at(-1)}`);
console.log(`Europe/Paris is ${keyOf("Europe/Paris")}; "+" may not stand in a key: Etc/GMT+5 is ${keyOf("Etc/GMT+5")}`);

section("2. Watch zone.Europe.* while offsets are changed");
const paris = keyOf("Europe/Paris");
const { incarnation } = await zones.status();
const watcher = await zones.watch("zone.Europe.*");
const initial: KeyValueEntry[] = [];
let changes: Promise<void> | undefined;
let seen = 0;
for await (const entry of watcher) {
  if (entry === null) {
    for (const first of initial.slice(0, 3)) show("initial", first);
    console.log(`          … ${initial.length - 3} more, then null: everything that was there has been read`);
    changes = moveClocks(["zone.Europe.Paris", "zone.America.Lima", "zone.Europe.Berlin", "zone.Europe.London"]);
  } else if (entry.isUpdate) {
    show("update", entry);
    seen = entry.revision;
    if (entry.key === "zone.Europe.London") break;
  } else {
    initial.push(entry);
  }
}
await changes;
console.log(`          the change of Lima in between does not match; stopped, having seen revision ${seen}`);

section("3. Compare-and-set: two writers have read Paris at the same revision");
const read = await current(paris);
const revision = await zones.update(paris, shifted(read.string(), 15), read.revision);
console.log(`A  adds 15 minutes to revision ${read.revision}: written as revision ${revision}`);
try {
  await zones.update(paris, shifted(read.string(), 30), read.revision);
} catch (error) {
  if (!isKeyValueError(error, "REVISION_MISMATCH")) throw error;
  console.log(`B  adds 30 minutes to revision ${error.expected}: ${error.code}, it is at revision ${error.actual}`);
  console.log(`B  reads again and adds 30 minutes to that: written as revision ${await moveClock(paris, 30)}`);
}
console.log(`both changes count: Paris is at ${(await current(paris)).string()}`);

section("4. A delete leaves a marker, and create may replace it");
console.log(`delete: revision ${await zones.delete(paris)} is a marker, get gives ${await zones.get(paris)}`);
console.log(`create: revision ${await zones.create(paris, currentOffset("Europe/Paris"))}, ${paris} is live again`);

section("5. History: of 6 entries of Paris the newest 5 are kept");
for (const entry of await zones.history(paris)) show(entry.operation, entry);
const oldest = initial.find((entry) => entry.key === paris)?.revision ?? 0;
console.log(`revision ${revision} was ${(await zones.getRevision(paris, revision))?.string()}`);
console.log(`revision ${oldest} is trimmed: ${await zones.getRevision(paris, oldest)}`);

section(`6. Resume the watch: what came after revision ${seen}`);
const resumed = await zones.watch("zone.Europe.*", { resumeFromRevision: seen + 1, resumeIncarnation: incarnation });
for await (const entry of resumed) {
  if (entry === null) {
    console.log("          null: caught up");
    changes = moveClocks(["zone.Europe.Rome"]);
  } else {
    show(entry.isUpdate ? "update" : "missed", entry);
    if (entry.isUpdate) break;
  }
}
await changes;

const { values, lastRevision } = await zones.status();
console.log(`\nThe bucket has given ${lastRevision} revisions and keeps ${values} of their entries.`);
await manager.close();

/** "/" could stay, but only dots make the tokens that filters select by; "+" is in no key. */
function keyOf(name: string): string {
  return `zone.${name.replaceAll("/", ".").replaceAll("+", "_plus_")}`;
}

function currentOffset(name: string): string {
  const format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  const offset = format.formatToParts().find((part) => part.type === "timeZoneName")?.value;
  return offset === undefined || offset === "GMT" ? "+00:00" : offset.replace("GMT", "");
}

/** An offset like "+05:45" with minutes added. */
function shifted(offset: string, minutes: number): string {
  const [hours = 0, rest = 0] = offset.slice(1).split(":").map(Number);
  const total = (offset.startsWith("-") ? -1 : 1) * (hours * 60 + rest) + minutes;
  const part = (value: number): string => String(Math.trunc(Math.abs(value))).padStart(2, "0");
  return `${total < 0 ? "-" : "+"}${part(total / 60)}:${part(total % 60)}`;
}

async function current(key: string): Promise<KeyValueEntry> {
  const entry = await zones.get(key);
  if (entry === null) throw new Error(`${key} is not there`);
  return entry;
}

async function moveClock(key: string, minutes: number): Promise<number> {
  const entry = await current(key);
  return zones.update(key, shifted(entry.string(), minutes), entry.revision);
}

/** Puts clocks an hour ahead, one after the other. */
async function moveClocks(keys: readonly string[]): Promise<void> {
  for (const key of keys) await moveClock(key, 60);
}

function section(title: string): void {
  console.log(`\n${title}`);
}

function show(label: string, entry: KeyValueEntry): void {
  const value = entry.operation === "PUT" ? entry.string() : "(no value)";
  console.log(`${label.padEnd(9)} revision ${String(entry.revision).padStart(3)}  ${entry.key.padEnd(21)}  ${value}`);
}
