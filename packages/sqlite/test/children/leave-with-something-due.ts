/** Leaves its manager open while something is due to be removed. */
import { setTimeout } from "node:timers/promises";
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const manager = await connect(JSON.parse(process.argv[2] ?? "") as SqliteFileOptions);
const kv = await manager.createKeyValue({ bucket: "b", ttl: 1000, limitMarkerTtl: 1000 });
await kv.put("a", "1");
process.stdout.write("written");
await setTimeout(1500);
