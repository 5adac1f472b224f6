import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { open, server } from "./open.ts";

/** The bytes of all objects of this process that are still in use. */
function held(): number {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test("W8: what its own manager writes is not remembered for a watcher that sleeps in the midst of what it has read", async () => {
  const kv = await (await open((await server()).url)).createKeyValue({ bucket: "b" });
  await Promise.all(Array.from({ length: 100 }, (_, index) => kv.put(`first.${index}`, "1")));
  const watcher = await kv.watchAll();
  const entries = watcher[Symbol.asyncIterator]();
  const seen = [(await entries.next()).value?.key];
  const before = held();
  const writes = 50_000;
  for (let from = 0; from < writes; from += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, index) => kv.put(`later.${index}`, "1")));
  }
  // Whatever is remembered of a write takes more than forty bytes.
  expect(held() - before).toBeLessThan(40 * writes);
  for (let entry = (await entries.next()).value; entry !== null; entry = (await entries.next()).value) {
    seen.push(entry?.key);
  }
  expect(seen.toSorted()).toEqual(Array.from({ length: 100 }, (_, index) => `first.${index}`).sort());
  await watcher.stop();
}, 120_000);

test("W1: a slow consumer's initial set costs a request or two for each entry", async () => {
  const { url } = await server();
  const other = await (await open(url)).createKeyValue({ bucket: "b", history: 2 });
  const entries = 40;
  await Promise.all(Array.from({ length: entries }, (_, index) => other.put(`key.${index}`, "1")));
  const connection = await connect({ servers: url });
  onTestFinished(() => connection.close());
  const kv = await (await open({ connection })).keyValue("b");
  const watcher = await kv.watchAll();
  const before = connection.stats().outMsgs;
  let seen = 0;
  for await (const entry of watcher) {
    if (entry === null) break;
    seen += 1;
    // Longer than an answer is good for.
    for (const end = performance.now() + 60; performance.now() < end; ) await other.get("key.0");
  }
  expect(seen).toBe(entries);
  expect(connection.stats().outMsgs - before).toBeLessThan(3 * entries);
}, 60_000);
