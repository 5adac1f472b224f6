import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { randomNumbers } from "../load.ts";
import type { CountPlan, RacePlan } from "./protocol.ts";
import type { Recorded } from "./record.ts";
import { clock } from "./record.ts";

type Fact = Omit<Recorded, "invoked" | "returned">;

/** Does something and records when. */
async function timed(run: () => Promise<Fact>): Promise<Recorded> {
  const invoked = clock();
  const fact = await run();
  return { ...fact, invoked, returned: clock() };
}

/** What an entry tells a reader. */
export function factOf(kind: "read" | "seen", entry: KeyValueEntry): Fact {
  const { key, revision, operation } = entry;
  return { kind, key, revision, operation, value: operation === "PUT" ? entry.string() : undefined };
}

export function put(kv: KeyValue, key: string, value: string): Promise<Recorded> {
  return timed(async () => ({ kind: "write", key, revision: await kv.put(key, value), operation: "PUT", value }));
}

function get(kv: KeyValue, key: string): Promise<Recorded> {
  return timed(async () => {
    const entry = await kv.get(key);
    return entry === null ? { kind: "absent", key, revision: 0 } : factOf("read", entry);
  });
}

/** The newest kept entry of a key, marker or not. */
export function newest(kv: KeyValue, key: string): Promise<Recorded> {
  return timed(async () => {
    const entry = (await kv.history(key)).at(-1);
    return entry === undefined ? { kind: "read", key, revision: 0 } : factOf("read", entry);
  });
}

/** A write on condition; a refusal tells what the key is at instead. */
function conditional(
  key: string,
  condition: number | null,
  value: string | undefined,
  write: () => Promise<number>,
): Promise<Recorded> {
  return timed(async () => {
    try {
      const operation = value === undefined ? "DEL" : "PUT";
      return { kind: "write", key, revision: await write(), operation, value, condition };
    } catch (error) {
      return refused(key, error);
    }
  });
}

function refused(key: string, error: unknown): Fact {
  if (isKeyValueError(error, "KEY_EXISTS")) return { kind: "read", key, revision: error.revision };
  if (!isKeyValueError(error, "REVISION_MISMATCH")) throw error;
  const { actual } = error;
  return actual === undefined ? { kind: "refused", key, revision: 0 } : { kind: "read", key, revision: actual };
}

/** Random operations on a few keys, one after the other. */
export async function race(kv: KeyValue, plan: RacePlan): Promise<Recorded[]> {
  const random = randomNumbers(plan.seed);
  const done: Recorded[] = [];
  const known = new Map<string, number>();
  for (let index = 0; index < plan.operations; index += 1) {
    const key = plan.keys[random(plan.keys.length)] ?? "";
    const value = `${plan.name}.${index}`;
    const last = known.get(key) ?? 0;
    const one = await choose(kv, key, value, last, random(10));
    if (one.kind === "write" || one.kind === "read") known.set(key, one.revision);
    done.push(one);
  }
  return done;
}

function choose(kv: KeyValue, key: string, value: string, last: number, kind: number): Promise<Recorded> {
  switch (kind) {
    case 0:
    case 1:
      return put(kv, key, value);
    case 2:
      return get(kv, key);
    case 3:
      return newest(kv, key);
    case 4:
      return conditional(key, null, value, () => kv.create(key, value));
    case 5:
      return timed(async () => ({ kind: "write", key, revision: await kv.delete(key), operation: "DEL" }));
    case 6:
      return timed(async () => ({ kind: "write", key, revision: await kv.purge(key), operation: "PURGE" }));
    case 7:
      return last === 0
        ? get(kv, key)
        : conditional(key, last, undefined, () => kv.delete(key, { lastRevision: last }));
    default:
      return conditional(key, last, value, () => kv.update(key, value, last));
  }
}

/** Counts every key up by compare-and-set, as often as it takes. */
export async function count(kv: KeyValue, plan: CountPlan): Promise<Recorded[]> {
  const done: Recorded[] = [];
  for (let round = 0; round < plan.increments; round += 1) {
    for (const key of plan.keys) {
      for (let written = false; !written; ) {
        const read = await get(kv, key);
        const value = String(Number(read.value ?? "0") + 1);
        const absent = read.kind === "absent";
        const write = await conditional(key, absent ? null : read.revision, value, () =>
          absent ? kv.create(key, value) : kv.update(key, value, read.revision),
        );
        done.push(read, write);
        written = write.kind === "write";
      }
    }
  }
  return done;
}
