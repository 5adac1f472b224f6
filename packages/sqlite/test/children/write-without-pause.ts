/** Puts one value after the other, by several managers in turn, until a file called `stop` is there. */
import { existsSync } from "node:fs";
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const { stop, managers: count, key, ...options } = JSON.parse(process.argv[2] ?? "") as WritingOptions;
const managers = await Promise.all(Array.from({ length: count }, () => connect(options)));
const buckets = await Promise.all(managers.map((manager) => manager.keyValue("b")));
while (!existsSync(stop)) for (const kv of buckets) await kv.put(key, `${Math.random()}`);
for (const manager of managers) await manager.close();

/** What the process is told. */
export interface WritingOptions extends SqliteFileOptions {
  readonly stop: string;
  readonly managers: number;
  readonly key: string;
}
