/** What the programs of the demo share: the storage, how they wait for each other, time zones, and what is shown. */
import { basename } from "node:path";
import type { KeyValue, KeyValueEntry, KeyValueManager } from "@revkv/api";
import { connect } from "@revkv/sqlite";

/** Opens the file that the program was given. */
export async function open(): Promise<{ readonly manager: KeyValueManager; readonly steps: KeyValue }> {
  const manager = await connect({ file: process.argv[2] ?? "zones.db" });
  return { manager, steps: await manager.createKeyValue({ bucket: "steps" }) };
}

/** Waits until a process has put this key, which may be long ago. */
export async function until(steps: KeyValue, key: string): Promise<void> {
  for await (const entry of await steps.watch(key)) if (entry !== null) return;
}

/** "/" could stay, but only dots make the tokens that filters select by; "+" is in no key. */
export function keyOf(name: string): string {
  return `zone.${name.replaceAll("/", ".").replaceAll("+", "_plus_")}`;
}

export const paris: string = keyOf("Europe/Paris");

export function currentOffset(name: string): string {
  const format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  const offset = format.formatToParts().find((part) => part.type === "timeZoneName")?.value;
  return offset === undefined || offset === "GMT" ? "+00:00" : offset.replace("GMT", "");
}

/** An offset like "+05:45" with minutes added. */
export function shifted(offset: string, minutes: number): string {
  const [hours = 0, rest = 0] = offset.slice(1).split(":").map(Number);
  const total = (offset.startsWith("-") ? -1 : 1) * (hours * 60 + rest) + minutes;
  const part = (value: number): string => String(Math.trunc(Math.abs(value))).padStart(2, "0");
  return `${total < 0 ? "-" : "+"}${part(total / 60)}:${part(total % 60)}`;
}

/** The entry of a key that is there. */
export async function current(zones: KeyValue, key: string): Promise<KeyValueEntry> {
  const entry = await zones.get(key);
  if (entry === null) throw new Error(`${key} is not there`);
  return entry;
}

/** Puts a clock ahead; refused if it was changed since it was read. */
export async function moveClock(zones: KeyValue, key: string, minutes: number): Promise<number> {
  const entry = await current(zones, key);
  return zones.update(key, shifted(entry.string(), minutes), entry.revision);
}

export function section(title: string): void {
  console.log(`\n${title}`);
}

/** Says what this process does. */
export function say(what: string): void {
  console.log(`${basename(process.argv[1] ?? "", ".ts").padEnd(10)} ${what}`);
}

export function show(label: string, entry: KeyValueEntry): void {
  const value = entry.operation === "PUT" ? entry.string() : "(no value)";
  say(`${label.padEnd(8)} revision ${String(entry.revision).padStart(3)}  ${entry.key.padEnd(21)}  ${value}`);
}
