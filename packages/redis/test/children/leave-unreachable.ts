import { once } from "node:events";
import type { RedisConnectOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

/**
 * Has nothing to do any more once its server is gone; leaves its manager open then, at once or when it was found to be
 * gone, or closes it.
 */
const [options = "", end] = process.argv.slice(2);
const unswept = Promise.withResolvers<void>();
const manager = await connect({
  ...(JSON.parse(options) as RedisConnectOptions),
  onEvent: ({ type }) => {
    if (type === "sweep-failed") unswept.resolve();
  },
});
const kv = await manager.createOrUpdateKeyValue({ bucket: "left" });
const watcher = await kv.watch(">");
await watcher[Symbol.asyncIterator]().next();
process.stdout.write("watching");
process.stdin.resume();
await once(process.stdin, "end");
if (end === "leave-late") {
  const busy = setInterval(() => undefined, 1000);
  await unswept.promise;
  clearInterval(busy);
}
if (end === "close") await manager.close();
