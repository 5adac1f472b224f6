import type { Msg, NatsConnection, Subscription, SubscriptionOptions } from "@nats-io/transport-node";
import { connect as connectNats } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { open, server } from "./open.ts";

/**
 * A connection to a server that says that its buckets have replicas, and whose cursors can be made to lag: what they
 * deliver is held back, as if it came from a server that has not heard yet of what was written since.
 */
async function lagging(servers: string) {
  const connection = await connectNats({ servers });
  onTestFinished(() => connection.close());
  let held: { readonly subject: string; deliver(): void }[] | undefined;
  const subscribe = (subject: string, options: SubscriptionOptions): Subscription => {
    const isCursor = subject.startsWith("_INBOX.") && !subject.endsWith(".*");
    const callback: SubscriptionOptions["callback"] = (error, message) => {
      const deliver = (): void => {
        void options.callback?.(error, isCursor ? message : replicated(message));
      };
      if (isCursor && held !== undefined) held.push({ subject: message.subject, deliver });
      else deliver();
    };
    return connection.subscribe(subject, { ...options, callback });
  };
  return {
    connection: new Proxy(connection, {
      get: (target, name) => {
        if (name === "subscribe") return subscribe;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    }) as NatsConnection,
    held: () => held?.map(({ subject }) => subject),
    hold: () => {
      held = [];
    },
    /** Delivers the first of what is held back; without a number all, and what comes from then on. */
    release: (count?: number) => {
      const some = held?.splice(0, count ?? held.length) ?? [];
      if (count === undefined) held = undefined;
      for (const { deliver } of some) deliver();
    },
  };
}

/** The answer of a server that keeps three replicas of what it tells of. */
function replicated(message: Msg): Msg {
  return new Proxy(message, {
    get: (target, name) => {
      if (name === "json") return () => JSON.parse(target.string().replace('"num_replicas":1', '"num_replicas":3'));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test.each([
  ["overwritten", 1],
  ["purged", 5],
] as const)("W7: a watcher whose cursor lags is not given what its own manager has %s", async (what, history) => {
  const { url } = await server();
  const direct = await (await open(url)).createKeyValue({ bucket: "b", history });
  const { connection, held, hold, release } = await lagging(url);
  const kv = await (await open({ connection })).keyValue("b");
  const watcher = await kv.watch(">");
  const iterator = watcher[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toBeNull();
  const next = iterator.next();
  hold();
  await direct.put("a", "before");
  await expect.poll(held).toContain("$KV.b.a");
  const before = held()?.length;
  await (what === "purged" ? kv.purge("a") : kv.put("a", "after"));
  release(before);
  expect((await kv.get("a"))?.string()).toBe(what === "purged" ? undefined : "after");
  release();
  expect((await next).value).toMatchObject({ key: "a", revision: 2 });
  await watcher.stop();
});
