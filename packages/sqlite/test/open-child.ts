import type { KeyValueManager } from "@revkv/api";
import type { SqliteFileOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { patient } from "./patient.ts";

/** Opens the same file in a process of the suite's. */
export function open(options: SqliteFileOptions): Promise<KeyValueManager> {
  return connect({ timeout: patient, ...options });
}
