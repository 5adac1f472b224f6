import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../../examples/map-adapter.ts";

test("a long read of a storage that answers at once lets timers run", async () => {
  const manager = await connect();
  onTestFinished(() => manager.close());
  const kv = await manager.createKeyValue({ bucket: "b" });
  await kv.transaction(Array.from({ length: 10_000 }, (_, index) => ({ op: "put", key: `k${index}`, value: "" })));
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  onTestFinished(() => clearInterval(timer));
  const turnsOf = async (read: () => Promise<unknown>): Promise<number> => {
    const before = turns;
    await read();
    return turns - before;
  };
  const watched = async (): Promise<void> => {
    for await (const entry of await kv.watch(">")) if (entry === null) return;
  };
  expect(await turnsOf(() => kv.keys())).toBeGreaterThan(1);
  expect(await turnsOf(() => kv.history(">"))).toBeGreaterThan(1);
  expect(await turnsOf(watched)).toBeGreaterThan(1);
});
