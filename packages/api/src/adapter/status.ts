import type { KeyValueStatus } from "../status.ts";
import type { BucketDescription, BucketStorage } from "./storage.ts";

/** Puts a bucket's status together (rule B8). */
export function statusOf(
  backingStore: string,
  storage: BucketStorage,
  description: BucketDescription,
  approximate = false,
): KeyValueStatus {
  const { config } = description;
  return {
    bucket: config.bucket,
    values: description.values,
    bytes: description.bytes,
    history: config.history,
    ttl: config.ttl,
    limitMarkerTtl: config.limitMarkerTtl,
    backingStore,
    isCompressed: config.compression,
    metadata: config.metadata,
    config,
    lastRevision: description.revision,
    compactedTo: description.compactedTo,
    incarnation: storage.incarnation,
    approximate,
  };
}
