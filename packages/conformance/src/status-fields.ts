import type { KeyValue, KeyValueStatus, NormalizedConfig } from "@revkv/api";

/** The fields of a config that are set, as far as the contract names them: an adapter may have more (rules B4, B8). */
export function settingsOf({ config }: Pick<KeyValueStatus, "config">): Partial<NormalizedConfig> {
  const { bucket, description, history, ttl, limitMarkerTtl, maxValueSize, maxBytes, compression, metadata } = config;
  return definedOf({
    ...{ bucket, description, history, ttl, limitMarkerTtl, maxValueSize, maxBytes, compression },
    metadata: { ...metadata },
  });
}

/** The fields of a status that are set, as far as the contract names them (rule B8). */
export function fieldsOf(status: KeyValueStatus): Partial<KeyValueStatus> {
  const { bucket, values, bytes, history, ttl, limitMarkerTtl, backingStore, isCompressed } = status;
  const { lastRevision, compactedTo, incarnation, approximate } = status;
  return definedOf({
    ...{ bucket, values, bytes, history, ttl, limitMarkerTtl, backingStore, isCompressed },
    ...{ lastRevision, compactedTo, incarnation, approximate },
    metadata: { ...status.metadata },
    config: settingsOf(status) as NormalizedConfig,
  });
}

/** What a bucket tells of itself now, to be compared with what it told before. */
export async function statusFields(kv: KeyValue): Promise<Partial<KeyValueStatus>> {
  return fieldsOf(await kv.status());
}

function definedOf<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
