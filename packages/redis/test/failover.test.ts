import type { KeyValue, KeyValueEntry, KeyValueManager } from "@revkv/api";
import type { RedisServer } from "@revkv/servers/redis";
import { redisCommand } from "@revkv/servers/redis";
import { expect, test } from "vitest";
import { open, proxy, revisionOn, server, watch } from "./open.ts";

interface Pair {
  readonly manager: KeyValueManager;
  readonly kv: KeyValue;
  readonly replica: RedisServer;
  /** Cuts the replica off, so that what is written is lost when it takes over. */
  partition(): void;
  /** The replica becomes the master, and clients reach it instead. */
  promote(): Promise<void>;
}

/** A master, its replica behind a network of its own, and clients behind another. */
async function pair(): Promise<Pair> {
  // The copy begins at once instead of waiting for further replicas.
  const master = await server({ "repl-diskless-sync-delay": 0 });
  const replication = await proxy(master);
  const replica = await server({ replicaof: `127.0.0.1 ${replication.port}` });
  const address = { port: master.port };
  const network = await proxy(address);
  const manager = await open(`redis://127.0.0.1:${network.port}`);
  const kv = await manager.createKeyValue({ bucket: "b", history: 5 });
  await kv.put("a", "1");
  await expect.poll(() => revisionOn(replica)).toBe(1);
  return {
    manager,
    kv,
    replica,
    partition: () => replication.hold(),
    promote: async () => {
      await redisCommand(replica, "REPLICAOF", "NO", "ONE");
      address.port = replica.port;
      network.cut();
    },
  };
}

test("W14: a failover that lost acknowledged writes ends every watcher, and a new one is right", async () => {
  const { kv, partition, promote } = await pair();
  const watched = await watch(kv);
  const idle = await watch(kv);
  partition();
  await kv.put("a", "lost");
  await kv.put("b", "lost");
  await expect.poll(() => watched.entries.length).toBe(2);
  await promote();
  expect(await watched.end).toBe("HISTORY_LOST");
  expect(await idle.end).toBe("HISTORY_LOST");
  expect(await kv.put("c", "new")).toBe(2);
  expect((await kv.history(">")).map(({ key, revision }) => `${key}@${revision}`)).toEqual(["a@1", "c@2"]);
  const fresh = await watch(kv);
  expect(await kv.put("d", "new")).toBe(3);
  await expect.poll(() => fresh.entries.map(({ revision }) => revision)).toEqual([3]);
});

test("W14: that is noticed, too, when the revisions that were lost were given again before anybody looked", async () => {
  const { kv, partition, promote, replica } = await pair();
  const watched = await watch(kv);
  partition();
  await kv.put("a", "lost");
  await kv.put("b", "lost");
  await expect.poll(() => watched.entries.length).toBe(2);
  await redisCommand(replica, "REPLICAOF", "NO", "ONE");
  const other = await (await open(replica.url)).keyValue("b");
  for (const revision of [2, 3, 4, 5]) expect(await other.put(`new.${revision}`, "x")).toBe(revision);
  await promote();
  expect(await watched.end).toBe("HISTORY_LOST");
  expect(watched.entries.map(({ key }) => key)).toEqual(["a", "b"]);
});

/** A watcher that has seen the entries of these keys, and then waits for nobody. */
async function slowWatcher(kv: KeyValue, keys: readonly string[]): Promise<AsyncIterator<KeyValueEntry | null>> {
  const watcher = await kv.watch(">", { updatesOnly: true });
  const items = watcher[Symbol.asyncIterator]();
  expect((await items.next()).value).toBeNull();
  for (const key of keys) {
    await kv.put(key, "x");
    expect((await items.next()).value).toMatchObject({ key });
  }
  return items;
}

/** Has the log of the bucket "b" reach back no further than its newest step, as after many others. */
async function forgetSteps(redis: RedisServer): Promise<void> {
  const incarnation = await redisCommand(redis, "HGET", "revkv:{b}", "id");
  await redisCommand(redis, "XTRIM", `revkv:{b}:${incarnation}:log`, "MAXLEN", "1");
}

test("W14: that is noticed, too, by a watcher that is further behind than the log reaches", async () => {
  const { kv, partition, promote, replica } = await pair();
  partition();
  const items = await slowWatcher(kv, ["lost.1", "lost.2"]);
  await redisCommand(replica, "REPLICAOF", "NO", "ONE");
  const other = await (await open(replica.url)).keyValue("b");
  for (const revision of [2, 3, 4, 5]) expect(await other.put(`new.${revision}`, "x")).toBe(revision);
  await forgetSteps(replica);
  await promote();
  await expect(items.next()).rejects.toMatchObject({ code: "HISTORY_LOST" });
});

test("W10: a watcher that is further behind than the log reaches goes on with what is kept, also over a lost connection", async () => {
  const redis = await server();
  const network = await proxy(redis);
  const direct = await (await open(redis.url)).createKeyValue({ bucket: "b", history: 2 });
  const items = await slowWatcher(await (await open(`redis://127.0.0.1:${network.port}`)).keyValue("b"), ["a", "b"]);
  for (let count = 0; count < 5; count += 1) await direct.put("c", "x");
  await forgetSteps(redis);
  network.cut();
  for (const revision of [6, 7]) expect((await items.next()).value).toMatchObject({ key: "c", revision });
  await items.return?.();
});

test("W14: a watcher whose step is just beyond the reach of the log goes on, though the log still has what came of it", async () => {
  const redis = await server();
  const kv = await (await open(redis.url)).createKeyValue({ bucket: "b" });
  await kv.delete("gone");
  const items = await slowWatcher(kv, ["a"]);
  // A step that gives no revision is logged behind the one that gave the newest.
  await kv.purgeDeletes({ olderThan: 0 });
  await kv.put("b", "x");
  const { incarnation } = await kv.status();
  await redisCommand(redis, "XTRIM", `revkv:{b}:${incarnation}:log`, "MAXLEN", "2");
  expect(await redisCommand(redis, "XRANGE", `revkv:{b}:${incarnation}:log`, "-", "+")).toMatch(/^2-1\n/);
  expect((await items.next()).value).toMatchObject({ key: "b", revision: 3 });
  await items.return?.();
});

test("W10: a failover that lost nothing is survived by watchers", async () => {
  const { kv, promote, replica } = await pair();
  const watched = await watch(kv);
  await kv.put("b", "2");
  await expect.poll(() => revisionOn(replica)).toBe(2);
  await promote();
  expect(await kv.put("c", "3")).toBe(3);
  await expect.poll(() => watched.entries.map(({ revision }) => revision)).toEqual([2, 3]);
});

test("W5: beyond the reach of the log a watcher goes on with what is kept", async () => {
  const redis = await server();
  const kv = await (await open(redis.url)).createKeyValue({ bucket: "b", history: 3 });
  for (let count = 0; count < 5; count += 1) await kv.put("a", "x");
  await forgetSteps(redis);
  const watcher = await kv.watch(">", { resumeFromRevision: 2 });
  const revisions: unknown[] = [];
  for await (const entry of watcher) {
    if (entry === null) break;
    revisions.push(entry.revision);
  }
  expect(revisions).toEqual([3, 4, 5]);
});
