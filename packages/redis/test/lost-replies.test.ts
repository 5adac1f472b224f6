import { setTimeout as delay } from "node:timers/promises";
import type { KeyValue, KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { redisCommand } from "@revkv/servers/redis";
import { startRedisCluster } from "@revkv/servers/redis-cluster";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { BucketScripts } from "../src/bucket-scripts.ts";
import { Commands } from "../src/commands.ts";
import { Nonces } from "../src/nonces.ts";
import { commitArguments } from "../src/outcomes.ts";
import type { AnyRedis } from "../src/redis-client.ts";
import { later, open, proxy, server, watch } from "./open.ts";

const url = (port: number): string => `redis://127.0.0.1:${port}`;

async function brief(kv: KeyValue): Promise<string[]> {
  return (await kv.history(">")).map(({ key, revision, operation }) => `${key}@${revision} ${operation}`);
}

test("M10: a write whose answer is lost gives its revision, and was carried out once", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const direct = await (await open(redis.url)).createKeyValue({ bucket: "b", history: 64 });
  const kv = await (await open(url(network.port))).keyValue("b");
  // The server is to know the script: that it does not would be the answer that is lost.
  expect(await kv.create("a", "1")).toBe(1);
  network.hold("to-client");
  const writing = kv.put("a", "2");
  const others = [
    kv.create("a", "3"),
    kv.transaction([
      { op: "check", key: "a", lastRevision: 2 },
      { op: "put", key: "b", value: "x" },
    ]),
    kv.delete("c"),
  ];
  const settled = Promise.allSettled([writing, ...others]);
  await expect.poll(() => brief(direct)).toContain("a@2 PUT");
  network.cut();
  network.release();
  const [put, create, transaction, deletion] = await settled;
  expect(put).toEqual({ status: "fulfilled", value: 2 });
  expect(create).toMatchObject({ status: "rejected", reason: { code: "KEY_EXISTS", revision: 2 } });
  expect(transaction).toEqual({ status: "fulfilled", value: [2, 3] });
  expect(deletion).toEqual({ status: "fulfilled", value: 4 });
  expect(await brief(direct)).toEqual(["a@1 PUT", "a@2 PUT", "b@3 PUT", "c@4 DEL"]);
});

test("M10: mere puts whose answer is lost give their revisions, and were carried out once", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const direct = await (await open(redis.url)).createKeyValue({ bucket: "b", history: 8 });
  const kv = await (await open(url(network.port))).keyValue("b");
  expect(await kv.put("a", "1")).toBe(1);
  for (const [keys, last] of [
    [["a"], 2],
    [["a", "b", "a"], 5],
  ] as const) {
    network.hold("to-client");
    const writing = Promise.all(keys.map((key) => kv.put(key, "x")));
    await expect.poll(async () => (await direct.status()).lastRevision).toBe(last);
    network.cut();
    network.release();
    expect(await writing).toEqual(keys.map((_, index) => last + 1 - keys.length + index));
  }
  expect(await brief(direct)).toEqual(["a@1 PUT", "a@2 PUT", "a@3 PUT", "b@4 PUT", "a@5 PUT"]);
});

test("M10: a write that was lost before it was carried out is sent again, once", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const kv = await (await open(url(network.port))).createKeyValue({ bucket: "b", history: 64 });
  await kv.put("a", "1");
  network.hold("to-server");
  const writing = kv.put("a", "2");
  await expect.poll(() => network.waiting).toBeGreaterThan(0);
  network.cut();
  network.release();
  expect(await writing).toBe(2);
  expect(await brief(kv)).toEqual(["a@1 PUT", "a@2 PUT"]);
});

test("M10: a commit that was given up is not carried out when it arrives later", async () => {
  const redis = await server();
  const kv = await (await open(redis.url)).createKeyValue({ bucket: "b" });
  const { incarnation } = await kv.status();
  const client = new Redis(redis.url);
  later(() => client.disconnect());
  const commands = new Commands(client as unknown as AnyRedis);
  const scripts = new BucketScripts(commands, new Nonces(), "revkv", "b", incarnation);
  const unit = [{ op: "put", key: "a", value: "late", expect: undefined, ttl: undefined }] as const;
  expect(await scripts.attempt("void", ["wone", "0", ""])).toBe(0);
  expect(await scripts.attempt("commit", ["wone", ...commitArguments([unit])])).toBe(-3);
  expect(await kv.get("a")).toBeNull();
  expect(await scripts.attempt("commit", ["wtwo", ...commitArguments([unit])])).toEqual([0, 1]);
  expect(await scripts.attempt("void", ["wtwo", "0", ""])).toEqual([1, Buffer.from("")]);
});

test("M10: what the log does not reach back to is OUTCOME_UNKNOWN, not a second attempt", async () => {
  const redis = await server();
  const kv = await (await open(redis.url)).createKeyValue({ bucket: "b" });
  const { incarnation } = await kv.status();
  await kv.put("a", "1");
  await redisCommand(redis, "XTRIM", `revkv:{b}:${incarnation}:log`, "MAXLEN", "0");
  const client = new Redis(redis.url);
  later(() => client.disconnect());
  const scripts = new BucketScripts(
    new Commands(client as unknown as AnyRedis),
    new Nonces(),
    "revkv",
    "b",
    incarnation,
  );
  expect(await scripts.attempt("void", ["wone", "0", ""])).toBe(1);
});

test("M10: the first write of a handle is found out too, when the log does not reach back to the bucket's beginning", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const direct = await (await open(redis.url)).createKeyValue({ bucket: "b", history: 64 });
  for (let count = 0; count < 5; count += 1) await direct.put("a", "x");
  const { incarnation } = await direct.status();
  await redisCommand(redis, "XTRIM", `revkv:{b}:${incarnation}:log`, "MAXLEN", "2");
  const kv = await (await open(url(network.port))).keyValue("b");
  await kv.get("a");
  network.hold("to-client");
  const writing = kv.put("a", "6");
  await expect.poll(() => brief(direct)).toContain("a@6 PUT");
  network.cut();
  network.release();
  expect(await writing).toBe(6);
  expect(await brief(direct)).toHaveLength(6);
});

test("M10: a write that was lost before it was carried out is refused truly when the server has no memory by then", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const kv = await (await open(url(network.port))).createKeyValue({ bucket: "b", history: 64 });
  await kv.put("a", "1");
  network.hold("to-server");
  const settled = Promise.allSettled([kv.put("a", "2")]);
  await expect.poll(() => network.waiting).toBeGreaterThan(0);
  await redisCommand(redis, "CONFIG", "SET", "maxmemory", "1");
  network.cut();
  network.release();
  expect(await settled).toMatchObject([{ status: "rejected", reason: { code: "STORAGE_FULL" } }]);
  expect(await brief(kv)).toEqual(["a@1 PUT"]);
});

/** What can be frozen: how it is reached, and its servers. */
const freezable = {
  "a frozen server": async () => {
    const redis = await server();
    return { reach: { url: redis.url }, nodes: [redis] };
  },
  "a frozen Cluster": async () => {
    const cluster = await startRedisCluster();
    later(() => cluster[Symbol.asyncDispose]());
    return { reach: { cluster: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`) }, nodes: cluster.nodes };
  },
};

test.each(Object.entries(freezable))(
  "E3: %s is noticed by reads, writes and watchers, which go on when it is back",
  async (_, start) => {
    const { reach, nodes } = await start();
    const manager = await open({ ...reach, timeout: 2000 });
    const kv = await manager.createKeyValue({ bucket: "b", history: 64 });
    const watched = await watch(kv);
    await kv.put("a", "1");
    await Promise.all(nodes.map((node) => node.pause()));
    const code = (promise: Promise<unknown>): Promise<KeyValueErrorCode | undefined> =>
      promise.then(
        () => undefined,
        (error: unknown) => (isKeyValueError(error) ? error.code : "INTERNAL"),
      );
    expect(await Promise.all([code(kv.get("a")), code(kv.put("a", "2"))])).toEqual(["TIMEOUT", "OUTCOME_UNKNOWN"]);
    await Promise.all(nodes.map((node) => node.resume()));
    await expect.poll(() => code(kv.put("a", "3"))).toBeUndefined();
    const last = (await kv.get("a"))?.revision ?? 0;
    await expect.poll(() => watched.entries.at(-1)?.revision).toBe(last);
    const revisions = watched.entries.map(({ revision }) => revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
  },
);

/** How long connections are cut, in seconds; REVKV_CHAOS_SECONDS makes it longer. */
const chaosSeconds = Number(process.env["REVKV_CHAOS_SECONDS"] ?? 8);

test("M10, W10: with connections cut at random every acknowledged write is there once, and no watcher misses any", {
  timeout: (chaosSeconds + 120) * 1000,
}, async () => {
  const redis = await server();
  const network = await proxy(redis);
  const direct = await (await open(redis.url)).createKeyValue({ bucket: "b", history: 1 });
  const managers = await Promise.all([1, 2, 3].map(() => open(url(network.port))));
  const handles = await Promise.all(managers.map((manager) => manager.keyValue("b")));
  const watchers = await Promise.all([direct, ...handles].map(watch));
  const acknowledged = new Map<string, number>();
  const unknown = new Set<string>();
  const stop = performance.now() + chaosSeconds * 1000;
  let cuts = 0;
  // On a busy machine it takes longer until there is something to see.
  const goesOn = (): boolean => performance.now() < stop || cuts <= 20 || acknowledged.size <= 500;
  const writers = handles.flatMap((kv, handle) =>
    Array.from({ length: 8 }, async (_, writer) => {
      for (let count = 0; goesOn(); count += 1) {
        // Each key is written once: by its revisions it is seen how often that was carried out.
        const key = `${handle}.${writer}.${count}`;
        try {
          acknowledged.set(key, await kv.put(key, "x"));
        } catch (error) {
          if (!isKeyValueError(error, "OUTCOME_UNKNOWN")) throw error;
          unknown.add(key);
        }
      }
    }),
  );
  while (goesOn()) {
    await delay(20 + Math.random() * 200);
    const held = Math.random() < 0.5;
    if (held) {
      network.hold(Math.random() < 0.5 ? "to-client" : "to-server");
      await delay(Math.random() * 30);
    }
    network.cut();
    network.release();
    cuts += 1;
  }
  await Promise.all(writers);
  const { lastRevision } = await direct.status();
  for (const { entries } of watchers) {
    await expect.poll(() => entries.at(-1)?.revision).toBe(lastRevision);
    expect(entries.map(({ revision }) => revision)).toEqual(
      Array.from({ length: lastRevision }, (_, index) => index + 1),
    );
    const seen = new Map(entries.map(({ key, revision }) => [key, revision]));
    // As many keys as revisions: none was written twice.
    expect(seen.size).toBe(lastRevision);
    for (const [key, revision] of acknowledged) expect(seen.get(key)).toBe(revision);
    for (const key of seen.keys()) expect(acknowledged.has(key) || unknown.has(key)).toBe(true);
  }
});
