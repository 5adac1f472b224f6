import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connect as connectNats } from "@nats-io/transport-node";
import type { KeyValue } from "@revkv/api";
import { expect, onTestFinished, test } from "vitest";
import type { NatsManager } from "../src/index.ts";
import { open, proxy, server } from "./open.ts";

/**
 * A manager beside the network, and calls of another whose requests on an endpoint get no answer: it is held back until
 * something has happened, and then lost with the connection.
 */
async function setUp() {
  const nats = await server();
  const network = await proxy(nats);
  const direct = await open(nats.url);
  const connection = await plain(`127.0.0.1:${network.port}`);
  const unanswered = async <T>(
    endpoint: string,
    call: (manager: NatsManager) => Promise<T>,
    meanwhile: () => Promise<unknown>,
  ): Promise<T> => {
    let sent = 0;
    const watched = whenPublished(connection, `$JS.API.${endpoint}.`, () => {
      sent += 1;
      if (sent === 1) network.hold("to-client");
    });
    const manager = await open({ connection: watched, timeout: 30_000 });
    const [result] = await Promise.allSettled([
      call(manager),
      expect
        .poll(() => sent, { timeout: 10_000 })
        .toBe(1)
        .then(meanwhile)
        .then(() => {
          network.cut();
          network.release();
        }),
    ]);
    if (result.status === "rejected") throw result.reason;
    return result.value;
  };
  return { direct, connection, jetstream: await jetstreamManager(await plain(nats.url)), unanswered };
}

async function plain(servers: string): Promise<NatsConnection> {
  const connection = await connectNats({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  onTestFinished(() => connection.close());
  return connection;
}

/** The same connection, that tells when something is published on subjects that begin so. */
function whenPublished(connection: NatsConnection, prefix: string, published: () => void): NatsConnection {
  return new Proxy(connection, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: readonly unknown[]): unknown => {
        if (name === "publish" && String(given[0]).startsWith(prefix)) published();
        return value.apply(target, given);
      };
    },
  });
}

async function historyOf(manager: NatsManager): Promise<number> {
  return (await (await manager.keyValue("b")).status()).history;
}

async function names(manager: NatsManager): Promise<string[]> {
  const found: string[] = [];
  for await (const name of manager.keyValueStoreNames()) found.push(name);
  return found;
}

test("M10: a bucket whose creation was not answered is there, and is the one of whoever created it first", {
  timeout: 60_000,
}, async () => {
  const { direct, unanswered } = await setUp();
  const create = (manager: NatsManager): Promise<KeyValue> => manager.createKeyValue({ bucket: "b", history: 3 });
  const kv = await unanswered("STREAM.CREATE", create, async () => {
    await expect.poll(() => names(direct)).toEqual(["b"]);
    await (await direct.keyValue("b")).put("a", "theirs");
  });
  expect((await kv.get("a"))?.string()).toBe("theirs");
  await direct.deleteKeyValue("b");
  const other = unanswered("STREAM.CREATE", create, async () => {
    await expect.poll(() => names(direct)).toEqual(["b"]);
    await direct.deleteKeyValue("b");
    await direct.createKeyValue({ bucket: "b", history: 4 });
  });
  await expect(other).rejects.toMatchObject({ code: "BUCKET_EXISTS" });
});

test("M10, B11: a bucket whose deletion was not answered is deleted once, and not the one that others have created since", {
  timeout: 60_000,
}, async () => {
  const { direct, unanswered } = await setUp();
  await direct.createKeyValue({ bucket: "b" });
  let again: KeyValue | undefined;
  await unanswered(
    "STREAM.DELETE",
    (manager) => manager.deleteKeyValue("b"),
    async () => {
      await expect.poll(() => names(direct)).toEqual([]);
    },
  );
  await direct.createKeyValue({ bucket: "b" });
  await unanswered(
    "STREAM.DELETE",
    (manager) => manager.deleteKeyValue("b"),
    async () => {
      await expect.poll(() => names(direct)).toEqual([]);
      again = await direct.createKeyValue({ bucket: "b" });
      await again.put("a", "new");
    },
  );
  expect((await again?.get("a"))?.string()).toBe("new");
});

test("M10, B4: a change that was not answered is made once, and of unknown outcome when others have made another since", {
  timeout: 60_000,
}, async () => {
  const { direct, jetstream, unanswered } = await setUp();
  await direct.createKeyValue({ bucket: "b", history: 2 });
  const changeTo = (history: number) => (manager: NatsManager) => manager.updateKeyValue({ bucket: "b", history });
  const kv = await unanswered("STREAM.UPDATE", changeTo(5), () => expect.poll(() => historyOf(direct)).toBe(5));
  expect((await kv.status()).history).toBe(5);
  const unknown = unanswered("STREAM.UPDATE", changeTo(9), async () => {
    await expect.poll(() => historyOf(direct)).toBe(9);
    // Who is not of revkv does not wait for anybody.
    await jetstream.streams.update("KV_b", { max_msgs_per_subject: 7 });
  });
  await expect(unknown).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
  expect(await historyOf(direct)).toBe(7);
});

const changes = {
  CREATE: (manager: NatsManager) => manager.createKeyValue({ bucket: "b" }),
  UPDATE: (manager: NatsManager) => manager.updateKeyValue({ bucket: "b", history: 5 }),
  DELETE: (manager: NatsManager) => manager.deleteKeyValue("b"),
};

test.each(["CREATE", "UPDATE", "DELETE"] as const)(
  "M10: what became of a %s is unknown when the application closes its connection before the answer",
  async (change) => {
    const { direct, connection, unanswered } = await setUp();
    if (change !== "CREATE") await direct.createKeyValue({ bucket: "b" });
    const unknown = unanswered<unknown>(`STREAM.${change}`, changes[change], () => connection.close());
    await expect(unknown).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
  },
);

test("M10, P1: how many markers were removed is unknown when the answer was lost", { timeout: 60_000 }, async () => {
  const { direct, unanswered } = await setUp();
  const kv = await direct.createKeyValue({ bucket: "b", history: 3 });
  await kv.put("a", "1");
  await kv.delete("a");
  const unknown = unanswered(
    "STREAM.PURGE",
    async (manager) => (await manager.keyValue("b")).purgeDeletes({ olderThan: 0 }),
    () => expect.poll(() => kv.history("a")).toEqual([]),
  );
  await expect(unknown).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
});
