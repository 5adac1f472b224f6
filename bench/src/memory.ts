import { connect } from "@revkv/memory";
import memoryDriver from "unstorage/drivers/memory";
import { boundedMemory } from "./bounded-memory.ts";
import type { Aim, Comparison, Row } from "./comparison.ts";
import { rowsFor } from "./comparison.ts";
import { keyv, map, unstorage } from "./peers.ts";
import { revkv } from "./revkv.ts";
import { stateBytes } from "./state-bytes.ts";
import type { Kind, Subject } from "./store.ts";

const ours: Subject = revkv("revkv", () => connect());
const keyvDefault: Subject = keyv("keyv");
const smallest = 1_000;
const largest = 1_000_000;

const about = `- **revkv**: \`@revkv/memory\`, a bucket with history 1. \`get\` includes reading the value: \`string()\`, or for bytes \`value\`,
  which is a copy.
- **Map**: a plain \`Map\` behind async functions, which does nothing else: no copy, no revision, no order of keys. Its
  keys with a prefix are found by looking at all of them, its watchers are listeners of a \`node:events\` emitter.
- **keyv**: \`new Keyv()\`, in memory. **keyv as is**: the same with \`serialization: false\`, which keeps references.
- **unstorage**: with its memory driver; \`setItemRaw\` and \`getItemRaw\` for bytes. Its watchers are not given values.`;

function speedAim(task: "put" | "get", kind: Kind, other: string, atLeast: number): Aim {
  const row: Row = { task, kind, size: smallest };
  return {
    what: `${task} of ${kind === "string" ? "strings" : "bytes"}: times the speed of ${other}`,
    figure: (results) => results.speed(row, ours.name, other),
    atLeast,
  };
}

function growthAim(task: "put" | "get"): Aim {
  const from: Row = { task, kind: "string", size: smallest };
  const to: Row = { ...from, size: largest };
  return {
    what: `${task}: growth of the time from 1,000 to 1,000,000 keys, times the growth of Map's`,
    figure: (results) => results.growth(from, to, ours.name) / results.growth(from, to, map.name),
    atMost: 1.5,
  };
}

const comparison: Comparison = {
  title: "@revkv/memory",
  about,
  packages: ["@revkv/memory", "keyv", "unstorage"],
  subjects: [
    ours,
    map,
    keyvDefault,
    keyv("keyv as is", () => ({ serialization: false })),
    unstorage(() => memoryDriver()),
  ],
  rows: rowsFor([smallest, 100_000, largest]),
  aims: [
    speedAim("put", "string", map.name, 0.15),
    speedAim("put", "bytes", map.name, 0.15),
    speedAim("get", "string", map.name, 0.3),
    speedAim("get", "bytes", map.name, 0.3),
    speedAim("put", "string", keyvDefault.name, 5),
    speedAim("put", "bytes", keyvDefault.name, 5),
    speedAim("get", "string", keyvDefault.name, 5),
    speedAim("get", "bytes", keyvDefault.name, 5),
    growthAim("put"),
    growthAim("get"),
  ],
  more: async (quick) => [await stateBytes("memory", comparison, quick), await boundedMemory(quick)].join("\n"),
};

export default comparison;
