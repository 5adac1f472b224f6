/** Increments a counter by compare-and-set, again and again. */
import { isKeyValueError } from "@revkv/api";
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const { increments, ...options } = JSON.parse(process.argv[2] ?? "") as SqliteFileOptions & {
  readonly increments: number;
};
const manager = await connect(options);
const kv = await manager.keyValue("b");
for (let done = 0; done < increments; ) {
  const entry = await kv.get("counter");
  try {
    await kv.update("counter", `${Number(entry?.string() ?? 0) + 1}`, entry?.revision ?? 0);
    done += 1;
  } catch (error) {
    if (!isKeyValueError(error, "REVISION_MISMATCH")) throw error;
  }
}
await manager.close();
