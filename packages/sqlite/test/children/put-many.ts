/** Puts many keys, some at a time, and says the revision of each that was acknowledged. */
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const { file, driver, synchronous, prefix, count, width } = JSON.parse(process.argv[2] ?? "") as SqliteFileOptions & {
  readonly prefix: string;
  readonly count: number;
  readonly width: number;
};
const kv = await (await connect({ file, driver, synchronous })).keyValue("b");
let next = 0;
const work = async (): Promise<void> => {
  for (let index = next++; index < count; index = next++) {
    const revision = await kv.put(`${prefix}.${index}`, `${index}`);
    // Pipes are written to synchronously: what was said is not lost with the process.
    process.stdout.write(`ack ${index} ${revision}\n`);
  }
};
await Promise.all(Array.from({ length: width }, work));
// Without closing, so that nothing is synced but what the writes asked for.
process.exit();
