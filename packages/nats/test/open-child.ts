import type { KeyValueManager } from "@revkv/api";
import type { NatsConnectOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";

/** Opens the same server in a process of the suite's. */
export async function open(options: NatsConnectOptions): Promise<KeyValueManager> {
  return connect(options);
}
