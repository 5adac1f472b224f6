import { AckPolicy, jetstreamManager } from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import { isKeyValueError } from "@revkv/api";
import { expect, onTestFinished, test } from "vitest";
import { open, server } from "./open.ts";

/** The more of them a bucket has, the longer it takes the server to remove its files. */
const consumers = 150;

test("B12: a bucket that is created while the files of the old one are still being removed is whole, or gone too", {
  timeout: 60_000,
}, async () => {
  const nats = await server();
  const connection = await connectNats({ servers: nats.url });
  onTestFinished(() => connection.close());
  const jetstream = await jetstreamManager(connection);
  const [deleting, creating] = [await open(nats.url), await open(nats.url)];
  for (const bucket of ["b1", "b2", "b3", "b4", "b5"]) {
    await deleting.createKeyValue({ bucket });
    const add = (_: unknown, index: number): Promise<unknown> =>
      jetstream.consumers.add(`KV_${bucket}`, { durable_name: `c${index}`, ack_policy: AckPolicy.Explicit });
    await Promise.all(Array.from({ length: consumers }, add));
    let isDeleted = false;
    const deletion = deleting.deleteKeyValue(bucket).finally(() => {
      isDeleted = true;
    });
    while (!isDeleted) await creating.createKeyValue({ bucket });
    await deletion;
    try {
      const kv = await creating.keyValue(bucket);
      expect(await kv.put("a", "1")).toBe(1);
    } catch (error) {
      if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
    }
  }
});
