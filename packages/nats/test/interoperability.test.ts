import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { connect as connectNats } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { open, server } from "./open.ts";

async function plain(url: string): Promise<{ readonly connection: NatsConnection; readonly kvm: Kvm }> {
  const connection = await connectNats({ servers: url });
  onTestFinished(() => connection.close());
  return { connection, kvm: new Kvm(connection) };
}

test("a bucket of another client is opened with its settings, entries and markers", async () => {
  const { url } = await server();
  const { kvm } = await plain(url);
  const theirs = await kvm.create("theirs", { history: 4, ttl: 3_600_000, description: "made by nats.js" });
  await theirs.put("a", "1");
  await theirs.put("a", "2");
  await theirs.put("b", "3");
  await theirs.delete("b");
  await theirs.put("c", "5");
  await theirs.purge("c");
  const ours = await (await open(url)).keyValue("theirs");
  const { config, replicas, storage } = await ours.status();
  expect({ config, replicas, storage }).toMatchObject({
    config: { history: 4, ttl: 3_600_000, description: "made by nats.js", compression: false },
    replicas: 1,
    storage: "file",
  });
  expect((await ours.history(">")).map(({ key, operation, revision }) => [key, operation, revision])).toEqual([
    ["a", "PUT", 1],
    ["a", "PUT", 2],
    ["b", "PUT", 3],
    ["b", "DEL", 4],
    ["c", "PURGE", 6],
  ]);
  expect(await ours.keys()).toEqual(["a"]);
  expect((await ours.get("a"))?.string()).toBe("2");
  expect(await ours.create("b", "7")).toBe(7);
  expect((await theirs.get("b"))?.string()).toBe("7");
});

test("another client reads, writes and watches a bucket of ours", async () => {
  const { url } = await server();
  const { kvm } = await plain(url);
  const ours = await (await open(url)).createKeyValue({ bucket: "ours", history: 5, maxValueSize: 100 });
  await ours.put("a", "1");
  await ours.delete("b");
  const theirs = await kvm.open("ours");
  expect((await theirs.get("a"))?.string()).toBe("1");
  expect((await theirs.get("b"))?.operation).toBe("DEL");
  const watch = await theirs.watch({ key: "c" });
  onTestFinished(() => watch.stop());
  await ours.put("c", "x".repeat(100));
  const first = await watch[Symbol.asyncIterator]().next();
  expect(first.value?.string()).toBe("x".repeat(100));
  expect(await theirs.update("a", "2", 1)).toBe(4);
  await expect(ours.update("a", "3", 1)).rejects.toMatchObject({ code: "REVISION_MISMATCH", actual: 4 });
  const watched: (string | null)[] = [];
  for await (const entry of await ours.watch("a")) {
    watched.push(entry && `${entry.revision} ${entry.operation} ${entry.string()} ${entry.isUpdate}`);
    if (entry === null) await theirs.purge("a");
    if (entry?.operation === "PURGE") break;
  }
  expect(watched).toEqual(["4 PUT 2 false", null, "5 PURGE  true"]);
  expect(await kvm.create("ours", { history: 5 }).then((kv) => kv.status())).toMatchObject({ history: 5 });
});

test("what is no bucket of ours is refused: other streams, mirrors, sources, republished buckets", async () => {
  const { url } = await server();
  const { connection, kvm } = await plain(url);
  const jsm = await jetstreamManager(connection);
  await jsm.streams.add({ name: "KV_stream", subjects: ["orders.>"] });
  await kvm.create("origin");
  await kvm.create("republished", { republish: { src: ">", dest: "copy.>" } });
  await kvm.create("mirror", { mirror: { name: "origin" } });
  const manager = await open(url);
  await expect(manager.keyValue("stream")).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  await expect(manager.createKeyValue({ bucket: "stream" })).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  await expect(manager.deleteKeyValue("stream")).rejects.toMatchObject({ code: "INCOMPATIBLE_STORAGE" });
  for (const bucket of ["republished", "mirror"]) {
    await expect(manager.keyValue(bucket)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  }
  expect((await manager.keyValue("origin")).bucket).toBe("origin");
  expect((await jsm.streams.info("KV_stream")).config.subjects).toEqual(["orders.>"]);
});

test("managers that are closed leave nothing behind on a connection of the application's", {
  timeout: 60_000,
}, async () => {
  const { connection } = await plain((await server()).url);
  const { protocol } = connection as unknown as {
    readonly protocol: { readonly listeners: readonly unknown[]; readonly subscriptions: { size(): number } };
  };
  const held = (): number[] => [protocol.listeners.length, protocol.subscriptions.size()];
  // The client has a subscription of its own for what is asked through it.
  await connection.request("$JS.API.INFO", "");
  const before = held();
  for (let round = 0; round < 3; round += 1) {
    const manager = await open({ connection });
    const kv = await manager.createKeyValue({ bucket: "b" });
    for await (const entry of await kv.watchAll()) if (entry === null) break;
    await manager.close();
  }
  expect(held()).toEqual(before);
  expect(connection.isClosed()).toBe(false);
});

test("replicas, storage and placement are part of a bucket's config", async () => {
  const manager = await open((await server()).url);
  const config = { bucket: "b", storage: "memory" } as const;
  const kv = await manager.createKeyValue(config);
  expect(await kv.status()).toMatchObject({ storage: "memory", replicas: 1, placement: undefined });
  await manager.createKeyValue({ ...config, replicas: 1, placement: null });
  await expect(manager.createKeyValue({ bucket: "b" })).rejects.toMatchObject({ code: "BUCKET_EXISTS" });
  await expect(manager.updateKeyValue({ bucket: "b", storage: "file" })).rejects.toMatchObject({
    code: "INVALID_CONFIG",
  });
  await expect(manager.createKeyValue({ bucket: "c", replicas: 3 })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  for (const replicas of [0, 6, 1.5, "3"]) {
    const wrong = { bucket: "c", replicas: replicas as number };
    await expect(manager.createKeyValue(wrong)).rejects.toMatchObject({ code: "INVALID_CONFIG" });
  }
});

test("a bucket of another client whose limit has hardly room for headers takes what it has room for", async () => {
  const { url } = await server();
  const { kvm } = await plain(url);
  await kvm.create("small", { maxValueSize: 150 });
  const kv = await (await open(url)).keyValue("small");
  expect(await kv.put("a", "12345")).toBe(1);
  await expect(kv.put("a", "x".repeat(149))).rejects.toMatchObject({
    code: "VALUE_TOO_LARGE",
    message: expect.stringContaining("too large for the bucket") as string,
  });
  expect(await kv.delete("a")).toBe(2);
});
