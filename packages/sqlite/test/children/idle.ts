/** Has many watchers that wait for the next change, and says what share of a core that takes. */
import { setTimeout as pass } from "node:timers/promises";
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const { watchers, ...options } = JSON.parse(process.argv[2] ?? "") as SqliteFileOptions & { readonly watchers: number };
const manager = await connect(options);
const kv = await manager.keyValue("b");
const running: Promise<void>[] = [];
await new Promise<void>((resolve) => {
  let caughtUp = 0;
  for (let index = 0; index < watchers; index += 1) {
    const watching = kv.watch(index % 2 === 0 ? ">" : `key.${index}`).then((watcher) =>
      watcher.forEach((entry) => {
        if (entry === null) caughtUp += 1;
        if (caughtUp === watchers) resolve();
      }),
    );
    running.push(watching);
  }
});
/** CPU time over elapsed time. */
async function share(milliseconds: number): Promise<number> {
  const began = performance.now();
  const { user, system } = process.cpuUsage();
  await pass(milliseconds);
  const used = process.cpuUsage();
  return (used.user + used.system - user - system) / 1000 / (performance.now() - began);
}

// What the start left to do, such as compiling and collecting garbage, is done in the first second.
await share(1000);
process.stdout.write(`${await share(2000)}`);
await manager.close();
await Promise.all(running);
