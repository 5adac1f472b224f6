import { randomBytes } from "node:crypto";
import KeyvPostgres from "@keyv/postgres";
import { connect } from "@revkv/postgres";
import { startNats } from "@revkv/servers/nats";
import { startPostgres } from "@revkv/servers/postgres";
import pg from "pg";
import type { Comparison } from "./comparison.ts";
import { diskLatency } from "./disk.ts";
import { keyv, natsBucket } from "./peers.ts";
import { soak } from "./postgres-soak.ts";
import { revkv } from "./revkv.ts";
import { growingRows, growthAims, serverRows, speedAims, urlOf } from "./server-rows.ts";
import type { Subject, Value } from "./store.ts";

/** Where the processes of the benchmark find the servers that the first of them has started. */
const variables = { postgres: "REVKV_BENCH_POSTGRES", nats: "REVKV_BENCH_NATS" } as const;

const unique = (): string => `bench_${randomBytes(6).toString("hex")}`;

const ours: Subject = revkv("revkv", () => connect({ connectionString: urlOf(variables.postgres), schema: unique() }));

interface Queryable {
  query(query: { name: string; text: string; values: unknown[] }): Promise<{ readonly rows: readonly unknown[] }>;
}

/** `pg` by itself, with prepared statements on a table of its own. */
function raw(name: string, open: () => Promise<Queryable>): Subject {
  return {
    name,
    async open({ kind }) {
      const table = unique();
      const admin = new pg.Client({ connectionString: urlOf(variables.postgres) });
      await admin.connect();
      await admin.query(`CREATE TABLE ${table} (key text PRIMARY KEY, value ${kind === "string" ? "text" : "bytea"})`);
      await admin.end();
      const upsert = `INSERT INTO ${table} VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
      const select = `SELECT value FROM ${table} WHERE key = $1`;
      const client = await open();
      return {
        separator: ".",
        put: (key, value) => client.query({ name: "upsert", text: upsert, values: [key, value] }),
        get: (key) => client.query({ name: "select", text: select, values: [key] }),
        read: (answer) => ((answer as { rows: [{ value: Value }] }).rows[0] as { value: Value }).value,
      };
    },
  };
}

const rawPool: Subject = raw(
  "raw pool",
  async () => new pg.Pool({ connectionString: urlOf(variables.postgres), max: 10 }),
);

const rawPipeline: Subject = raw("raw pipeline", async () => {
  const client = new pg.Client({ connectionString: urlOf(variables.postgres), pipeline: true } as pg.ClientConfig);
  await client.connect();
  return client;
});

const keyvPostgres: Subject = keyv("keyv", () => ({
  store: new KeyvPostgres({ uri: urlOf(variables.postgres), table: unique() }),
}));

const nats: Subject = natsBucket(() => urlOf(variables.nats));

const about = `- **revkv**: \`@revkv/postgres\` on a pool of 10 connections, a bucket with history 1. \`get\` includes reading the value.
- **raw pool**: a \`pg.Pool\` of 10 connections with prepared statements on \`(key text PRIMARY KEY, value)\`: an upsert that
  commits by itself, a select by key. **raw pipeline**: the same on one connection with \`pipeline: true\`.
- **keyv**: with \`@keyv/postgres\`; **NATS**: \`@nats-io/kv\` on a \`nats-server\` with file storage, one replica.
- PostgreSQL 15 with \`fsync\` and \`synchronous_commit\` on, its defaults otherwise. Servers, clients and nothing else on the
  machine. Values have 128 bytes. Keys are drawn at random.`;

const aims = speedAims(ours, [
  ["put, 64 at once", rawPool, 4],
  ["put, 64 at once", keyvPostgres, 5],
  ["put, 64 at once", nats, 2],
  ["get, 64 at once", rawPool, 3],
  ["get, 64 at once", rawPipeline, 1.5],
  ["get, 64 at once", keyvPostgres, 5],
  ["get, 64 at once", nats, 5],
  ["put", rawPool, 0.8],
  ["get", rawPool, 0.9],
]);

const comparison: Comparison = {
  title: "@revkv/postgres",
  about,
  packages: ["@revkv/postgres", "pg", "keyv", "@keyv/postgres", "@nats-io/kv"],
  subjects: [ours, rawPool, rawPipeline, keyvPostgres, nats],
  valueBytes: 128,
  rows: [...serverRows, ...growingRows(ours, rawPool)],
  aims: [...aims, ...growthAims(ours, rawPool)],
  start: async () => {
    const postgres = await startPostgres();
    process.env[variables.postgres] = postgres.url;
    const server = await startNats();
    process.env[variables.nats] = server.url;
    return async () => {
      await postgres[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    };
  },
  more: async (quick) => `${diskLatency()}\n${await soak(urlOf(variables.postgres), quick)}`,
};

export default comparison;
