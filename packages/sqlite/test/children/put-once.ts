/** Puts one value. */
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const manager = await connect(JSON.parse(process.argv[2] ?? "") as SqliteFileOptions);
await (await manager.keyValue("b")).put("a", "1");
await manager.close();
