import type { Capabilities } from "../capabilities.ts";
import type { KeyValueConfig, NormalizedConfig } from "../config.ts";
import { configDifferences } from "../config.ts";
import { KeyValueError } from "../errors.ts";

/**
 * Refuses what a storage cannot do (rule E2).
 *
 * @throws `UNSUPPORTED`
 */
export function checkSupported<Config extends KeyValueConfig>(config: Config, capabilities: Capabilities): Config {
  if (typeof config.limitMarkerTtl === "number" && !capabilities.limitMarkers) {
    throw new KeyValueError("UNSUPPORTED", "there are no limit markers here");
  }
  if (config.compression === true && !capabilities.compression) {
    throw new KeyValueError("UNSUPPORTED", "there is no compression here");
  }
  return config;
}

/**
 * Checks that a bucket that exists is what was to be created (rule B2).
 *
 * @throws `BUCKET_EXISTS`
 */
export function checkSameConfig(found: NormalizedConfig, wanted: NormalizedConfig): void {
  const differences = configDifferences(found, wanted);
  if (differences.length > 0) {
    throw new KeyValueError(
      "BUCKET_EXISTS",
      `bucket "${wanted.bucket}" exists with another config: ${differences.join("; ")}`,
    );
  }
}

/** A config that the caller cannot change any more while the call goes on (rule M6). */
export function copyOfConfig<Config extends KeyValueConfig>(config: Config): Config {
  return { ...config, metadata: config.metadata && { ...config.metadata } };
}

/** The error of a bucket that does not exist (rule B3). */
export function bucketNotFound(bucket: string): KeyValueError {
  return new KeyValueError("BUCKET_NOT_FOUND", `there is no bucket "${bucket}"`);
}
