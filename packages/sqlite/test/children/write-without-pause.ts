/** Puts one value after the other until a file called `stop` is there. */
import { existsSync } from "node:fs";
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const { stop, ...options } = JSON.parse(process.argv[2] ?? "") as SqliteFileOptions & { readonly stop: string };
const manager = await connect(options);
const kv = await manager.keyValue("b");
while (!existsSync(stop)) await kv.put("busy", `${Math.random()}`);
await manager.close();
