import { jetstreamManager } from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import type { KeyValue } from "@revkv/api";
import { expect, onTestFinished, test } from "vitest";
import { open, server } from "./open.ts";

/** Everybody may do everything, but for one user. */
const uninformed = `
  authorization { users = [
    { user: anybody, password: secret }
    { user: uninformed, password: secret, permissions: { publish: { deny: ["$JS.API.CONSUMER.INFO.>"] } } }
  ] }
  no_auth_user: anybody`;

const bucket = "b";
const history = 4;
const keys = Array.from({ length: 6_000 }, (_, index) => `key.${index}`);

async function write(kv: KeyValue, value: string): Promise<void> {
  await Promise.all(keys.map((key) => kv.put(key, value)));
}

/** A bucket whose history takes a server a while to lower. */
async function setUp() {
  const { url } = await server(uninformed);
  const manager = await open({ servers: url, timeout: 60_000 });
  const kv = await manager.createKeyValue({ bucket, history });
  for (let round = 1; round <= history; round += 1) await write(kv, String(round));
  return { url, manager, kv };
}

/** Has another manager lower the history, which is gone as soon as the server has begun. */
async function lowerAndVanish(url: string, to: number): Promise<void> {
  const connection = await connectNats({ servers: url });
  onTestFinished(() => connection.close());
  const beside = await connectNats({ servers: url });
  onTestFinished(() => beside.close());
  const other = await open({ connection, timeout: 60_000 });
  const lowering = other.updateKeyValue({ bucket, history: to }).catch((error: unknown) => error);
  const historyNow = async (): Promise<number> =>
    (await jetstreamManager(beside)).streams.info(`KV_${bucket}`).then(({ config }) => config.max_msgs_per_subject);
  await expect.poll(historyNow, { interval: 1, timeout: 30_000 }).toBe(to);
  await connection.close();
  await lowering;
}

/** How many entries the keys have that have most and least of them. */
async function counts(kv: KeyValue): Promise<readonly [least: number, most: number]> {
  const found = new Map(keys.map((key) => [key, 0]));
  for (const { key } of await kv.history(">")) found.set(key, (found.get(key) ?? 0) + 1);
  return [Math.min(...found.values()), Math.max(...found.values())];
}

test.each([
  { who: "who finds", user: "anybody" },
  { who: "who may not ask for the mark of", user: "uninformed" },
])(
  "B6: $who a bucket that another was lowering when it vanished waits until it is lowered",
  {
    timeout: 120_000,
  },
  async ({ user }) => {
    const { url, kv } = await setUp();
    const manager = await open({ servers: url.replace("//", `//${user}:secret@`), timeout: 60_000 });
    await lowerAndVanish(url, 1);
    const calls = ["updateKeyValue", "createOrUpdateKeyValue", "createKeyValue"] as const;
    const values = calls.map(async (call) => {
      await manager[call]({ bucket, history: 1 });
      return (await kv.status()).values;
    });
    expect(await Promise.all(values)).toEqual(calls.map(() => keys.length));
    expect(await counts(kv)).toEqual([1, 1]);
  },
);

test("B6: what is written after history was raised is kept, also when another vanished while it lowered it", {
  timeout: 120_000,
}, async () => {
  const { url, manager, kv } = await setUp();
  await lowerAndVanish(url, 2);
  await manager.updateKeyValue({ bucket, history });
  await write(kv, "later");
  expect(await counts(kv)).toEqual([3, 3]);
});

test("B12: a bucket that is deleted while who creates it waits until it is lowered is created", async () => {
  const { url } = await server();
  const manager = await open(url);
  await manager.createKeyValue({ bucket, history });
  const connection = await connectNats({ servers: url });
  onTestFinished(() => connection.close());
  const { consumers, streams } = await jetstreamManager(connection);
  const stream = `KV_${bucket}`;
  await consumers.add(stream, { durable_name: "revkv_lowering" });
  await consumers.add(stream, { name: "revkv_config", inactive_threshold: 60e9 });
  const requests = connection.subscribe(`$JS.API.CONSUMER.CREATE.${stream}.revkv_config`, { max: 1 });
  await connection.flush();
  const creating = manager.createKeyValue({ bucket, history });
  for await (const _ of requests);
  await streams.delete(stream);
  expect(await (await creating).put("a", "1")).toBe(1);
});
