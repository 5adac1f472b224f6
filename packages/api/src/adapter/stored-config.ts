import type { NormalizedConfig } from "../config.ts";
import { KeyValueError } from "../errors.ts";

/** Reads a config that a storage has kept as JSON. */
export function parseConfig(text: string): NormalizedConfig {
  const config = JSON.parse(text) as NormalizedConfig;
  Object.freeze(config.metadata);
  return Object.freeze(config);
}

/** The error of whoever holds a bucket that was deleted (rule B11). */
export function bucketGone(options?: ErrorOptions): KeyValueError {
  return new KeyValueError("BUCKET_NOT_FOUND", "the bucket was deleted", options);
}
