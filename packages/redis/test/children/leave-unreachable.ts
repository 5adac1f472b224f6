import { once } from "node:events";
import type { RedisConnectOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

/** Has nothing to do any more once its server is gone; leaves its manager open then, or closes it. */
const [options = "", end] = process.argv.slice(2);
const manager = await connect(JSON.parse(options) as RedisConnectOptions);
const kv = await manager.createOrUpdateKeyValue({ bucket: "left" });
const watcher = await kv.watch(">");
await watcher[Symbol.asyncIterator]().next();
process.stdout.write("watching");
process.stdin.resume();
await once(process.stdin, "end");
if (end === "close") await manager.close();
