import type { KeyValueEntry } from "@revkv/api";
import { base64Of, textOf } from "./value-text.ts";

/** An entry as the command writes it with `--json`, and in an export: documented, and stable. */
export interface EntryRecord {
  readonly bucket?: string;
  readonly key: string;
  readonly operation: "PUT" | "DEL" | "PURGE";
  readonly revision: number;
  /** As ISO 8601, in UTC. */
  readonly created: string;
  /** The value of a PUT, where its bytes are UTF-8. */
  readonly value?: string;
  /** The value of a PUT, where its bytes are no UTF-8. */
  readonly base64?: string;
  /** As ISO 8601, in UTC; left out when the entry does not expire. */
  readonly expiresAt?: string;
  /** On the marker that an expiry has left. */
  readonly reason?: "expired";
}

export function entryRecord(entry: KeyValueEntry, withBucket = true): EntryRecord {
  const { bucket, key, operation, revision, expiresAt, reason } = entry;
  return {
    ...(withBucket ? { bucket } : {}),
    key,
    operation,
    revision,
    created: entry.created.toISOString(),
    ...(operation === "PUT" ? valueFields(entry.value) : {}),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function valueFields(value: Uint8Array): Pick<EntryRecord, "value" | "base64"> {
  const text = textOf(value);
  return text === undefined ? { base64: base64Of(value) } : { value: text };
}
