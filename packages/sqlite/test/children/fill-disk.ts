/** Writes until the disk is full, makes room, and goes on; says what came of it. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isKeyValueError } from "@revkv/api";
import type { DriverName } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const { directory, driver } = JSON.parse(process.argv[2] ?? "") as {
  readonly directory: string;
  readonly driver: DriverName;
};
const ballast = join(directory, "ballast");
const file = join(directory, "test.db");
await writeFile(ballast, new Uint8Array(2 ** 20));
const manager = await connect({ file, driver });
const kv = await manager.createKeyValue({ bucket: "b" });
const acknowledged: number[] = [];
let refused: string | undefined;
// Some more than the disk can hold: where nothing is ever refused, that is to be seen.
while (refused === undefined && acknowledged.length < 2000) {
  const key = `k.${acknowledged.length}`;
  try {
    acknowledged.push(await kv.put(key, new Uint8Array(20_000).fill(acknowledged.length)));
  } catch (error) {
    refused = isKeyValueError(error) ? error.code : String(error);
  }
}
const again = await kv.put("again", "x").catch((error) => (isKeyValueError(error) ? error.code : String(error)));
const kept = async (from: typeof kv): Promise<number> => {
  const entries = await from.getMany(acknowledged.map((_, index) => `k.${index}`));
  return entries.filter((entry, index) => entry?.value.length === 20_000 && entry.value[0] === index % 256).length;
};
const intact = await kept(kv);
await rm(ballast);
const revision = await kv.put("room", "x");
await manager.close();
const reopened = await connect({ file, driver });
const intactAfterwards = await kept(await reopened.keyValue("b"));
await reopened.close();
const result = { acknowledged: acknowledged.length, refused, again, intact, revision, intactAfterwards };
process.stdout.write(JSON.stringify(result));
