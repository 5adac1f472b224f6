import type { KeyValueManager } from "@revkv/api";
import type { PostgresOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { patient } from "./patient.ts";

/** Opens the same schema in a process of the suite's. */
export function open(options: PostgresOptions): Promise<KeyValueManager> {
  return connect({ timeout: patient, ...options });
}
