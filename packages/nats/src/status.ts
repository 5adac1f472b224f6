import type { KeyValueStatus } from "@revkv/api";
import type { NormalizedSettings } from "./stream-config.ts";
import { setupOf } from "./stream-config.ts";
import type { StreamInfo } from "./wire.ts";

/** What a bucket is and holds at one moment, with what only NATS knows of it. */
export interface NatsKeyValueStatus extends KeyValueStatus, NormalizedSettings {}

/** Puts a bucket's status together (rule B8). */
export function statusOf(
  info: StreamInfo,
  figures: Pick<KeyValueStatus, "values" | "bytes" | "approximate">,
): NatsKeyValueStatus {
  const { config, settings } = setupOf(info);
  return {
    bucket: config.bucket,
    ...figures,
    history: config.history,
    ttl: config.ttl,
    limitMarkerTtl: config.limitMarkerTtl,
    backingStore: "nats",
    isCompressed: config.compression,
    metadata: config.metadata,
    config,
    lastRevision: info.state.last_seq,
    compactedTo: 0,
    incarnation: info.created,
    ...settings,
  };
}
