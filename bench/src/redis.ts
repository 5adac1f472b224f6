import { randomBytes } from "node:crypto";
import KeyvRedis from "@keyv/redis";
import { connect } from "@revkv/redis";
import { startNats } from "@revkv/servers/nats";
import { startRedis } from "@revkv/servers/redis";
import { Redis } from "ioredis";
import type { Comparison } from "./comparison.ts";
import { keyv, natsBucket } from "./peers.ts";
import { memory } from "./redis-memory.ts";
import { revkv } from "./revkv.ts";
import { growingRows, growthAims, serverRows, speedAims, urlOf } from "./server-rows.ts";
import type { Subject, Value } from "./store.ts";

/** Where the processes of the benchmark find the servers that the first of them has started. */
const variables = { redis: "REVKV_BENCH_REDIS", nats: "REVKV_BENCH_NATS" } as const;

const unique = (): string => `bench_${randomBytes(6).toString("hex")}`;

const ours: Subject = revkv("revkv", () => connect({ url: urlOf(variables.redis), prefix: unique() }));

/** `ioredis` by itself: SET and GET of keys with a prefix of their own. */
const raw: Subject = {
  name: "raw",
  async open({ kind }) {
    const client = new Redis(urlOf(variables.redis));
    const prefix = unique();
    return {
      separator: ".",
      put: (key, value) => client.set(`${prefix}:${key}`, argument(value)),
      get: kind === "string" ? (key) => client.get(`${prefix}:${key}`) : (key) => client.getBuffer(`${prefix}:${key}`),
      read: (answer) => answer as Value,
    };
  },
};

/** A script that `ioredis` calls where the others put: what a put by any script takes at the least. */
function scripted(name: string, script: string): Subject {
  return {
    name,
    async open() {
      const client = new Redis(urlOf(variables.redis));
      const prefix = `{${unique()}}`;
      const keys = ["heads", "newest", "log"].map((part) => `${prefix}:${part}`);
      const digest = String(await client.script("LOAD", script));
      return {
        separator: ".",
        put: (key, value) => client.evalsha(digest, keys.length, ...keys, key, argument(value)),
        get: (key) => client.hgetBuffer(keys[0] as string, key),
        read: (answer) => answer as Value,
      };
    },
  };
}

const emptyScript: Subject = scripted("empty script", "return 1");

/** What a bucket cannot do without: the old entry is read, the new one logged, stored and found by its revision. */
const bareScript: Subject = scripted(
  "bare script",
  `local revision = (redis.call('HMGET', KEYS[1], '', ARGV[1])[1] or 0) + 1
redis.call('XADD', KEYS[3], revision .. '-0', 'n', '123456789')
redis.call('HSET', KEYS[1], '', revision, ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], revision, ARGV[1])
return revision`,
);

/** The same value as `ioredis` takes it. */
function argument(value: Value): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
}

const keyvRedis: Subject = keyv("keyv", () => ({ store: new KeyvRedis(urlOf(variables.redis)), namespace: unique() }));

const nats: Subject = natsBucket(() => urlOf(variables.nats));

const about = `- **revkv**: \`@revkv/redis\`, a bucket with history 1. \`get\` includes reading the value.
- **raw**: \`ioredis\` by itself with its defaults, on the same version: \`SET\` and \`GET\`, 64 at once as 64 calls.
- **keyv**: with \`@keyv/redis\`; **NATS**: \`@nats-io/kv\` on a \`nats-server\` with file storage, one replica.
- **empty script**, **bare script**: what a put by a script takes at the least, by \`ioredis\` as well: one that does nothing,
  and one that reads an entry, logs it, stores it and notes its revision, and judges nothing.
- Redis 7.0 with \`appendonly yes\` and \`appendfsync everysec\`. Servers, clients and nothing else on the machine. Values have
  128 bytes. Keys are drawn at random.`;

const stores: readonly [Subject, Subject, ...Subject[]] = [ours, raw, keyvRedis, nats];

const rows = serverRows.map((row) => ({
  ...row,
  only: row.task === "put" ? [...stores, emptyScript, bareScript] : stores,
}));

const aims = speedAims(ours, [
  ["put, 64 at once", raw, 0.5],
  ["put, 64 at once", nats, 3],
  ["get, 64 at once", raw, 0.85],
  ["put", raw, 0.7],
  ["get", raw, 0.9],
]);

const comparison: Comparison = {
  title: "@revkv/redis",
  about,
  packages: ["@revkv/redis", "ioredis", "keyv", "@keyv/redis", "@nats-io/kv"],
  subjects: [...stores, emptyScript, bareScript],
  pairs: [...stores.slice(1).map((other) => [ours, other] as const), [emptyScript, raw], [bareScript, raw]],
  valueBytes: 128,
  rows: [...rows, ...growingRows(ours, raw)],
  aims: [...aims, ...growthAims(ours, raw)],
  more: memory,
  start: async () => {
    const redis = await startRedis();
    process.env[variables.redis] = redis.url;
    const server = await startNats();
    process.env[variables.nats] = server.url;
    return async () => {
      await redis[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    };
  },
};

export default comparison;
