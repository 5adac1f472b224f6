import type { RedisConnectOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

/** Is refused by its server; tells which timers still keep the process running. */
const [options = ""] = process.argv.slice(2);
try {
  await connect(JSON.parse(options) as RedisConnectOptions);
} catch {
  process.stdout.write(`refused ${process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length}`);
}
