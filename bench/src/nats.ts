import { randomBytes } from "node:crypto";
import { connect } from "@revkv/nats";
import { startNats } from "@revkv/servers/nats";
import type { Comparison } from "./comparison.ts";
import { natsBucket } from "./peers.ts";
import { revkv } from "./revkv.ts";
import { serverRows, speedAims, urlOf } from "./server-rows.ts";
import type { Subject } from "./store.ts";

/** Where the processes of the benchmark find the server that the first of them has started. */
const variable = "REVKV_BENCH_NATS";

const ours: Subject = revkv("revkv", () => connect(urlOf(variable)), `bench_${randomBytes(6).toString("hex")}`);

const plain: Subject = natsBucket(() => urlOf(variable));

const about = `- **revkv**: \`@revkv/nats\`, a bucket with history 1. \`get\` includes reading the value.
- **NATS**: \`@nats-io/kv\` on the same server.
- A \`nats-server\` with file storage, one replica. Server, clients and nothing else on the machine. Values have 128 bytes.
  Keys are drawn at random.`;

/** An adapter that costs at most 15 % of the throughput. */
const aims = speedAims(
  ours,
  serverRows.map(({ task }) => [task, plain, 0.85]),
);

const comparison: Comparison = {
  title: "@revkv/nats",
  about,
  packages: ["@revkv/nats", "@nats-io/kv", "@nats-io/transport-node"],
  subjects: [ours, plain],
  valueBytes: 128,
  rows: serverRows,
  aims,
  start: async () => {
    const server = await startNats();
    process.env[variable] = server.url;
    return async () => server[Symbol.asyncDispose]();
  },
};

export default comparison;
