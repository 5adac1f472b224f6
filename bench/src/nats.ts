import { randomBytes } from "node:crypto";
import { connect } from "@revkv/nats";
import { startNats } from "@revkv/servers/nats";
import type { Aim, Comparison, Row } from "./comparison.ts";
import { natsBucket } from "./peers.ts";
import { revkv } from "./revkv.ts";
import type { Subject } from "./store.ts";
import type { TaskName } from "./tasks.ts";

/** Where the processes of the benchmark find the server that the first of them has started. */
const variable = "REVKV_BENCH_NATS";

function url(): string {
  const given = process.env[variable];
  if (given === undefined) throw new Error(`${variable} is not set`);
  return given;
}

const ours: Subject = revkv("revkv", () => connect(url()), `bench_${randomBytes(6).toString("hex")}`);

const plain: Subject = natsBucket(url);

const about = `- **revkv**: \`@revkv/nats\`, a bucket with history 1. \`get\` includes reading the value.
- **NATS**: \`@nats-io/kv\` on the same server.
- A \`nats-server\` with file storage, one replica. Server, clients and nothing else on the machine. Values have 128 bytes.
  Keys are drawn at random.`;

function row(task: TaskName, size = 1_000): Row {
  return { task, kind: "bytes", size };
}

const tasks: readonly TaskName[] = ["get", "get, 64 at once", "put", "put, 64 at once"];

const aims: readonly Aim[] = tasks.map((task) => ({
  what: `${task}: times ${plain.name}`,
  figure: (results) => results.speed(row(task), ours.name, plain.name),
  atLeast: 0.85,
}));

const comparison: Comparison = {
  title: "@revkv/nats",
  about,
  packages: ["@revkv/nats", "@nats-io/kv", "@nats-io/transport-node"],
  subjects: [ours, plain],
  valueBytes: 128,
  rows: tasks.map((task) => row(task)),
  aims,
  start: async () => {
    const server = await startNats();
    process.env[variable] = server.url;
    return async () => server[Symbol.asyncDispose]();
  },
};

export default comparison;
