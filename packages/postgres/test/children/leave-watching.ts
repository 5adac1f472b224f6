import { connect } from "../../src/index.ts";

const [url] = process.argv.slice(2).map((arg) => JSON.parse(arg) as string);

/** Leaves a manager open, and a watcher that nobody reads. */
const manager = await connect(url ?? "");
const kv = await manager.createOrUpdateKeyValue({ bucket: "left" });
await kv.put("a", "1");
const watcher = await kv.watch(">");
const items = watcher[Symbol.asyncIterator]();
await items.next();
await items.next();
process.stdout.write("left");
