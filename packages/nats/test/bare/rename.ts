import type { StreamConfig, StreamInfo } from "@nats-io/jetstream";
import type { KvEntry } from "@nats-io/kv";
import type { KeyValueConfig, KeyValueEntry, KeyValueErrorCode, KeyValueStatus, NormalizedConfig } from "@revkv/api";
import { KeyExistsError, KeyValueError, RevisionMismatchError } from "@revkv/api";

/** An entry of @nats-io/kv under our names. */
export function entryOf(entry: KvEntry, delta = 0, isUpdate = false): KeyValueEntry {
  const { bucket, key, value, length, revision, created, operation } = entry;
  return {
    bucket,
    key,
    value,
    length,
    revision,
    created,
    delta,
    operation,
    isUpdate,
    expiresAt: undefined,
    reason: undefined,
    string: () => entry.string(),
    json: <T>() => entry.json<T>(),
  };
}

/** What a condition said, for the fields of an error that NATS gives as text. */
export interface Asked {
  readonly key?: string;
  readonly expected?: number;
  readonly isCreate?: boolean;
  readonly isWrite?: boolean;
}

const codes: Readonly<Record<number, KeyValueErrorCode>> = {
  10008: "UNAVAILABLE",
  10039: "UNAVAILABLE",
  10037: "BUCKET_NOT_FOUND",
  10054: "VALUE_TOO_LARGE",
  10058: "BUCKET_EXISTS",
  10059: "BUCKET_NOT_FOUND",
  10076: "UNAVAILABLE",
  10077: "BUCKET_FULL",
};

const wrongLastSequence = [10071, 10164];

/** The errors of calls that no server has taken. */
const away: ReadonlySet<string> = new Set(["RequestError", "JetStreamError", "JetStreamNotEnabled", "NoResponders"]);

/** An error of NATS under our names: its code, and what its text says. */
export function errorOf(error: unknown, { key = "", expected = 0, isCreate = false, isWrite = false }: Asked): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { name, message } = error;
  const { code } = error as { readonly code?: number };
  const options = { cause: error };
  if (code !== undefined && wrongLastSequence.includes(code)) {
    const actual = Number(/wrong last sequence: (\d+)/.exec(message)?.[1] ?? Number.NaN);
    const known = Number.isNaN(actual) ? undefined : actual;
    return isCreate
      ? new KeyExistsError(key, actual, options)
      : new RevisionMismatchError(key, expected, known, options);
  }
  const renamed = codeOf(name, message, code, isWrite);
  return renamed === undefined ? error : new KeyValueError(renamed, message, options);
}

function codeOf(
  name: string,
  message: string,
  code: number | undefined,
  isWrite: boolean,
): KeyValueErrorCode | undefined {
  const byCode = code === undefined ? undefined : codes[code];
  if (byCode !== undefined) return byCode;
  if (/^invalid key/.test(message)) return "INVALID_KEY";
  if (/^invalid bucket name/.test(message)) return "INVALID_BUCKET_NAME";
  if (/requires server \d/.test(message)) return "UNSUPPORTED";
  if (/^(Closed|Draining)Connection/.test(name)) return "CLOSED";
  if (/^Timeout/.test(name)) return isWrite ? "OUTCOME_UNKNOWN" : "TIMEOUT";
  return away.has(name) ? "UNAVAILABLE" : undefined;
}

const nanos = 1e6;

/** A bucket's config as the config of its stream; what was not said is left out. */
export function streamConfigOf(config: KeyValueConfig): Partial<StreamConfig> {
  const { description, history, ttl, maxValueSize, maxBytes, metadata } = config;
  return {
    ...(description === undefined ? {} : { description: description ?? "" }),
    ...(history === undefined ? {} : { max_msgs_per_subject: history ?? 1 }),
    ...(ttl === undefined ? {} : { max_age: (ttl ?? 0) * nanos }),
    ...(maxValueSize === undefined ? {} : { max_msg_size: maxValueSize ?? -1 }),
    ...(maxBytes === undefined ? {} : { max_bytes: maxBytes ?? -1 }),
    ...(metadata === undefined ? {} : { metadata: metadataOf(metadata) as Record<string, string> }),
  };
}

/** Metadata as @nats-io/kv takes it: none is not an empty one. */
export function metadataOf(metadata: KeyValueConfig["metadata"]): Record<string, string> | undefined {
  return Object.keys(metadata ?? {}).length === 0 ? undefined : { ...metadata };
}

/** A stream's state as a bucket's status. */
export function statusOf({ config, state, created }: StreamInfo): KeyValueStatus {
  const bucket = config.name.replace(/^KV_/, "");
  const ttl = config.max_age > 0 ? config.max_age / nanos : undefined;
  // Newer servers note there by whom a stream was made.
  const given = Object.entries(config.metadata ?? {}).filter(([name]) => !name.startsWith("_nats."));
  const metadata = Object.fromEntries(given);
  const normalized: NormalizedConfig = {
    bucket,
    ...(config.description ? { description: config.description } : {}),
    history: config.max_msgs_per_subject,
    ...(ttl === undefined ? {} : { ttl }),
    ...(config.max_msg_size > 0 ? { maxValueSize: config.max_msg_size } : {}),
    ...(config.max_bytes > 0 ? { maxBytes: config.max_bytes } : {}),
    compression: false,
    metadata,
  };
  return {
    bucket,
    values: state.messages,
    bytes: state.bytes,
    history: config.max_msgs_per_subject,
    ttl,
    limitMarkerTtl: undefined,
    backingStore: "nats",
    isCompressed: false,
    metadata,
    config: normalized,
    lastRevision: state.last_seq,
    compactedTo: 0,
    incarnation: String(created),
    approximate: false,
  };
}
