import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
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
