import type { RedisConnectOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

/** Leaves a manager open, and a watcher that nobody reads. */
const manager = await connect(JSON.parse(process.argv[2] ?? "") as RedisConnectOptions);
const kv = await manager.createOrUpdateKeyValue({ bucket: "left" });
await kv.put("a", "1");
const watcher = await kv.watch(">");
const items = watcher[Symbol.asyncIterator]();
await items.next();
await items.next();
process.stdout.write("left");
