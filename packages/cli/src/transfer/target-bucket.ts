import type { Capabilities, KeyValue, KeyValueConfig, KeyValueManager, NormalizedConfig } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";

/** The bucket that entries go to. */
export interface TargetBucket {
  readonly bucket: KeyValue;
  readonly config: NormalizedConfig;
  /** True when it holds no entry and has never held one. */
  readonly isUnused: boolean;
  /** What it has not of the config that was wished for, for a person. */
  readonly shortcomings: readonly string[];
}

/** Opens a bucket, or creates it with a config as far as the storage can have it. */
export async function openTarget(
  manager: KeyValueManager,
  config: KeyValueConfig,
  signal: AbortSignal,
): Promise<TargetBucket> {
  const { possible, shortcomings } = withinCapabilities(config, manager.capabilities);
  const { bucket, isNew } = await createOrOpen(manager, possible, signal);
  const status = await bucket.status({ signal });
  const found: string[] = [];
  const wanted = config.history ?? 1;
  if (status.history < wanted) found.push(`the bucket keeps ${status.history} entries per key, not ${wanted}`);
  if (typeof config.limitMarkerTtl === "number" && status.limitMarkerTtl === undefined) {
    found.push("the bucket has no --marker-ttl: expiries leave no markers, and single entries have no ttl");
  }
  return {
    bucket,
    config: status.config,
    isUnused: isNew || (status.values === 0 && status.lastRevision === 0),
    shortcomings: isNew ? shortcomings : found,
  };
}

async function createOrOpen(
  manager: KeyValueManager,
  config: KeyValueConfig,
  signal: AbortSignal,
): Promise<{ readonly bucket: KeyValue; readonly isNew: boolean }> {
  try {
    return { bucket: await manager.keyValue(config.bucket, { signal }), isNew: false };
  } catch (error) {
    if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
  }
  try {
    return { bucket: await manager.createKeyValue(config, { signal }), isNew: true };
  } catch (error) {
    if (!isKeyValueError(error, "BUCKET_EXISTS")) throw error;
    return { bucket: await manager.keyValue(config.bucket, { signal }), isNew: false };
  }
}

function withinCapabilities(
  config: KeyValueConfig,
  { compression, limitMarkers, perKeyTtl, metadata, maxBytes, maxValueBytes }: Capabilities,
): { readonly possible: KeyValueConfig; readonly shortcomings: readonly string[] } {
  const shortcomings: string[] = [];
  let possible = config;
  if (config.compression && !compression) {
    possible = { ...possible, compression: false };
    shortcomings.push("values are not compressed here");
  }
  if (typeof config.limitMarkerTtl === "number" && !limitMarkers) {
    possible = { ...possible, limitMarkerTtl: undefined };
    shortcomings.push("expiries leave no markers here, and single entries have no ttl");
  } else if (typeof config.limitMarkerTtl === "number" && !perKeyTtl) {
    shortcomings.push("single entries have no ttl here");
  }
  if (Object.keys(config.metadata ?? {}).length > 0 && !metadata) {
    possible = { ...possible, metadata: undefined };
    shortcomings.push("buckets have no metadata here");
  }
  if (typeof config.maxBytes === "number" && !maxBytes) {
    possible = { ...possible, maxBytes: undefined };
    shortcomings.push("the size of buckets is not limited here");
  }
  if (typeof config.maxValueSize === "number" && config.maxValueSize > maxValueBytes) {
    possible = { ...possible, maxValueSize: undefined };
    shortcomings.push(`values are ${maxValueBytes} bytes long at most here`);
  }
  return { possible, shortcomings };
}
