import { stat } from "node:fs/promises";
import { expect, test } from "vitest";
import { open, temporaryFile } from "./open.ts";

test("a million overwrites of a thousand keys do not let the file grow", async () => {
  const file = await temporaryFile();
  const manager = await open({ file, synchronous: "normal" });
  const kv = await manager.createKeyValue({ bucket: "b" });
  const value = new Uint8Array(200);
  const overwrite = async (rounds: number): Promise<number> => {
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(Array.from({ length: 1000 }, (_, index) => kv.put(`key.${index}`, value)));
    }
    return (await stat(file)).size + (await stat(`${file}-wal`)).size;
  };
  // Enough for the write-ahead log to have been written back.
  const soon = await overwrite(100);
  const late = await overwrite(900);
  expect(late).toBeLessThanOrEqual(soon * 1.1);
  expect((await kv.status()).values).toBe(1000);
});
