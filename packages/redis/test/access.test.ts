import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { reservePort } from "@revkv/servers/port";
import { redisCommand, startRedisOn } from "@revkv/servers/redis";
import { startRedisCluster } from "@revkv/servers/redis-cluster";
import { needTool } from "@revkv/servers/tool";
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { inTurn, later, open, server, watch } from "./open.ts";

/** The commands that reading needs. */
const reading =
  "+info +eval +evalsha +time +get +hget +hmget +zrange +zrangebyscore +zrangebylex +zcount +zlexcount +xread +xrange +xrevrange";

test("T1: a user who may only read sees nothing that is due, and waits for those who carry out expiries", async () => {
  const redis = await server();
  const rules = `on >secret resetchannels ~revkv:* ${reading}`;
  await redisCommand(redis, "ACL", "SETUSER", "guest", ...rules.split(" "));
  const url = `redis://guest:secret@127.0.0.1:${redis.port}`;
  const manager = await open(redis.url);
  const kv = await manager.createKeyValue({ bucket: "b", limitMarkerTtl: 60_000 });
  const guest = await (await open(url)).keyValue("b");
  const watched = await watch(guest);
  await kv.put("a", "1", { ttl: 300 });
  await kv.put("b", "2");
  expect((await guest.get("b"))?.revision).toBe(2);
  await expect.poll(() => guest.get("a")).toBeNull();
  expect((await guest.history(">")).map(({ key, revision }) => `${key}@${revision}`)).toEqual(["b@2", "a@3"]);
  expect((await guest.status()).lastRevision).toBe(3);
  const expired = (): string[] => watched.entries.filter(({ reason }) => reason === "expired").map(({ key }) => key);
  await expect.poll(expired).toEqual(["a"]);
  await expect(guest.put("a", "3")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  expect(await kv.put("a", "3")).toBe(4);
});

test("TLS: a server with a certificate of its own is reached by rediss:, and not without its certificate", {
  timeout: 60_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "revkv-tls-"));
  later(() => rm(directory, { recursive: true }));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert];
  await promisify(execFile)(needTool("openssl"), [...request, ...subject]);
  const [plain, secure] = [await reservePort(), await reservePort()];
  const redis = await startRedisOn([plain, secure], {
    appendonly: "no",
    "tls-port": secure.port,
    "tls-cert-file": cert,
    "tls-key-file": key,
    "tls-ca-cert-file": cert,
    "tls-auth-clients": "no",
  });
  later(() => redis[Symbol.asyncDispose]());
  const url = `rediss://127.0.0.1:${secure.port}`;
  await expect(connect({ url, timeout: 2000 })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("certificate"),
  });
  const ca = await readFile(cert);
  const client = new Redis5(url, { tls: { ca }, lazyConnect: true });
  for (const options of [{ url, options: { tls: { ca } } }, { client }]) {
    const manager = await open({ ...options, prefix: "client" in options ? "client" : "url" });
    const kv = await manager.createKeyValue({ bucket: "b" });
    const watched = await watch(kv);
    const other = await (await open({ ...options, prefix: "client" in options ? "client" : "url" })).keyValue("b");
    expect(await other.put("a", "1")).toBe(1);
    await inTurn(other, watched, 100);
  }
  expect(
    (await redisCommand(redis, "CLIENT", "LIST")).split("\n").filter((line) => line.includes(`:${secure.port} `))
      .length,
  ).toBeGreaterThan(3);
});

test("a Cluster that asks for a password is reached with the application's, by both versions of ioredis", async () => {
  const group = await startRedisCluster({ appendonly: "no" });
  later(() => group[Symbol.asyncDispose]());
  const nodes = group.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
  for (const node of nodes) await redisCommand(node, "CONFIG", "SET", "requirepass", "secret");
  await expect(connect({ cluster: nodes, timeout: 1000 })).rejects.toMatchObject({
    code: expect.stringMatching(/PERMISSION_DENIED|UNAVAILABLE|TIMEOUT/),
  });
  await expect(connect(`redis://:secret@127.0.0.1:${nodes[0]?.port}`)).rejects.toMatchObject({
    code: "INCOMPATIBLE_STORAGE",
  });
  const redisOptions = { password: "secret" };
  const [five, six] = [new Cluster5(nodes, { redisOptions }), new Cluster(nodes, { redisOptions })];
  later(() => {
    five.disconnect();
    six.disconnect();
  });
  for (const [index, options] of [
    { client: five },
    { client: six },
    { cluster: nodes, options: redisOptions },
  ].entries()) {
    const manager = await open(options);
    const kv = await manager.createKeyValue({ bucket: `b${index}` });
    const watched = await watch(kv);
    expect(await kv.put("a", "1")).toBe(1);
    await expect.poll(() => watched.entries.length).toBe(1);
  }
});

test("a replica is refused: what is due could not be carried out there", async () => {
  const master = await server({ "repl-diskless-sync-delay": 0 });
  const replica = await server({ replicaof: `127.0.0.1 ${master.port}` });
  await expect(connect(replica.url)).rejects.toMatchObject({ code: "READ_ONLY" });
});

test("the application's client keeps its options, and none of them changes what revkv sees", async () => {
  const redis = await server();
  const options = { stringNumbers: true, enableAutoPipelining: true, enableOfflineQueue: true } as const;
  const clients = [
    new Redis5(redis.url, options),
    new Redis(redis.url, options),
    new Redis(redis.url, { ...options, protocol: 2 }),
    new Redis(redis.url, { ...options, replyMapping: "resp3" }),
  ];
  later(() => Promise.all(clients.map((client) => client.quit())));
  for (const [index, client] of clients.entries()) {
    const manager = await open({ client, prefix: `p${index}` });
    const kv = await manager.createKeyValue({ bucket: "b", history: 2 });
    const watched = await watch(kv);
    expect(await kv.put("a", "1")).toBe(1);
    await expect(kv.create("a", "2")).rejects.toMatchObject({ code: "KEY_EXISTS", revision: 1 });
    await expect.poll(() => watched.entries.length).toBe(1);
    await manager.deleteKeyValue("b");
    await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
    expect(await watched.end).toBe("BUCKET_NOT_FOUND");
    expect(await client.incr(`own${index}`)).toBe("1");
    expect(client.listenerCount("error")).toBe(0);
  }
});
