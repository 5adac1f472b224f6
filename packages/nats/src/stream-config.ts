import type { Capabilities, KeyValueConfig, NormalizedConfig } from "@revkv/api";
import { KeyValueError, maxHistory, sameConfig } from "@revkv/api";
import type { Placement, StreamConfig, StreamInfo } from "./wire.ts";
import { fromNanos, toNanos } from "./wire.ts";

/** What NATS offers beyond what every storage does. */
export interface NatsSettings {
  /** How many servers of a cluster hold the bucket, 1 to 5; default 1. */
  readonly replicas?: number | null | undefined;
  /** Where servers keep it; default `"file"`. It cannot change later. */
  readonly storage?: "file" | "memory" | null | undefined;
  /** Which servers may hold it, by their cluster's name and their tags; unset: any. */
  readonly placement?: Placement | null | undefined;
}

/** How a bucket is to be, with what only NATS offers. */
export interface NatsKeyValueConfig extends KeyValueConfig, NatsSettings {}

/** {@link NatsSettings} with defaults filled in. */
export interface NormalizedSettings {
  readonly replicas: number;
  readonly storage: "file" | "memory";
  readonly placement: Placement | undefined;
}

/** A bucket as it is set up: what every storage knows of, and what only NATS does. */
export interface BucketSetup {
  readonly config: NormalizedConfig;
  readonly settings: NormalizedSettings;
}

/**
 * The most bytes that headers add to a value: what a server counts towards the size of a message beside the value. Where
 * values have a limit, messages with one are filled up to it, so that the server judges the value alone (rule B9).
 */
export const headerBytes = 192;

/** How long a server knows by which id a message was sent, in milliseconds: longer than anybody asks for it. */
const duplicateWindow = 30_000;

/** The shortest and the longest time that the server takes for a lifetime, in milliseconds. */
const [shortestTtl, longestTtl] = [100, 9_223_372_036_854];

/** The largest number of bytes that a server can be told to limit messages to. */
const largestMessage = 2 ** 31 - 1;

/** What subjects of a bucket begin with. */
export function subjectPrefix(bucket: string): string {
  return `$KV.${bucket}.`;
}

/** The name of the stream that holds a bucket. */
export function streamName(bucket: string): string {
  return `KV_${bucket}`;
}

/** The name of the bucket that a stream holds; undefined when the name says that it holds none. */
export function bucketOfStream(stream: string): string | undefined {
  return stream.startsWith("KV_") ? stream.slice(3) : undefined;
}

/** Divides a config into what every storage knows of and what only NATS does, and checks the latter (rule E2). */
export function divideConfig(given: NatsKeyValueConfig): {
  readonly common: KeyValueConfig;
  readonly settings: NatsSettings;
} {
  if (typeof given !== "object" || given === null) return { common: given, settings: {} };
  const { replicas, storage, placement, ...common } = given;
  if (replicas !== undefined && replicas !== null && !(Number.isInteger(replicas) && replicas >= 1 && replicas <= 5)) {
    throw invalid("replicas is a whole number from 1 to 5");
  }
  if (storage !== undefined && storage !== null && storage !== "file" && storage !== "memory") {
    throw invalid('storage is "file" or "memory"');
  }
  return {
    common: Array.isArray(given) ? given : common,
    settings: { replicas, storage, placement: placement && ownPlacement(placement) },
  };
}

function ownPlacement(placement: unknown): Placement {
  const { cluster, tags, ...others } = (placement ?? {}) as Readonly<Record<string, unknown>>;
  const isList = tags === undefined || (Array.isArray(tags) && tags.every((tag) => typeof tag === "string"));
  if (
    typeof placement !== "object" ||
    (cluster !== undefined && typeof cluster !== "string") ||
    !isList ||
    Object.keys(others).length > 0
  ) {
    throw invalid("placement has a cluster's name and a list of tags");
  }
  const own: { cluster?: string; tags?: readonly string[] } = {};
  if (cluster !== undefined) own.cluster = cluster;
  if (tags !== undefined) own.tags = [...tags];
  return own;
}

/** Fills in what is left out: a field that is null goes back to its default (rule B4). */
export function mergeSettings(current: NormalizedSettings, update: NatsSettings): NormalizedSettings {
  const pick = <T>(value: T | null | undefined, kept: T, standard: T): T =>
    value === undefined ? kept : (value ?? standard);
  return {
    replicas: pick(update.replicas, current.replicas, 1),
    storage: pick(update.storage, current.storage, "file"),
    placement: pick<Placement | undefined>(update.placement, current.placement, undefined),
  };
}

/** What a bucket has unless told otherwise. */
export const standardSettings: NormalizedSettings = { replicas: 1, storage: "file", placement: undefined };

/**
 * Refuses what this server cannot do (rule E2).
 *
 * @throws `UNSUPPORTED`
 */
export function checkServer(config: KeyValueConfig, { metadata, maxBytes }: ServerAbilities): void {
  if (typeof config.maxBytes === "number" && !maxBytes) {
    throw unsupported("the server counts what NATS adds to a bucket's bytes, and refuses markers when it is full");
  }
  if (!metadata && config.metadata !== undefined && Object.keys(config.metadata ?? {}).length > 0) {
    throw unsupported("the server keeps no metadata: that needs NATS 2.10");
  }
  if (typeof config.ttl === "number" && (config.ttl < shortestTtl || config.ttl > longestTtl)) {
    throw unsupported(`the server keeps entries for ${shortestTtl} to ${longestTtl} ms`);
  }
  if (typeof config.maxValueSize === "number" && config.maxValueSize + headerBytes > largestMessage) {
    throw unsupported(`the server has no messages larger than ${largestMessage} bytes`);
  }
  if (typeof config.limitMarkerTtl === "number" && config.limitMarkerTtl > longestTtl) {
    throw unsupported(`the server keeps markers for at most ${longestTtl} ms`);
  }
}

/** What a config may ask of a server. */
export type ServerAbilities = Pick<Capabilities, "metadata" | "maxBytes">;

/** The stream that holds a bucket; what the server says of an existing one is kept where nothing else is asked for. */
export function streamOf({ config, settings }: BucketSetup, current?: StreamConfig): StreamConfig {
  const { bucket, ttl, limitMarkerTtl, maxValueSize, maxBytes } = config;
  const age = ttl === undefined ? 0 : toNanos(ttl);
  const window = Math.min(
    current?.duplicate_window ?? toNanos(duplicateWindow),
    age === 0 ? Number.POSITIVE_INFINITY : age,
  );
  const ofServer = Object.entries(current?.metadata ?? {}).filter(([name]) => isOfServer(name));
  const { placement: _, ...kept } = current ?? {};
  return {
    subjects: [`${subjectPrefix(bucket)}>`],
    retention: "limits",
    discard: "new",
    allow_rollup_hdrs: true,
    deny_delete: true,
    ...kept,
    name: streamName(bucket),
    description: config.description ?? "",
    max_msgs_per_subject: config.history,
    max_age: age,
    duplicate_window: window,
    max_msg_size: maxValueSize === undefined ? -1 : maxValueSize + headerBytes,
    max_bytes: maxBytes ?? -1,
    storage: settings.storage,
    num_replicas: settings.replicas,
    // Replicas answer direct gets too, and may be behind.
    allow_direct: settings.replicas === 1,
    ...(settings.placement && { placement: settings.placement }),
    ...(config.compression && { compression: "s2" }),
    ...((current?.metadata !== undefined || Object.keys(config.metadata).length > 0) && {
      metadata: Object.fromEntries([...ofServer, ...Object.entries(config.metadata)]),
    }),
    ...(limitMarkerTtl !== undefined && {
      allow_msg_ttl: true,
      subject_delete_marker_ttl: toNanos(limitMarkerTtl),
    }),
  };
}

/**
 * How a stream's bucket is set up.
 *
 * @throws `INCOMPATIBLE_STORAGE` for a stream that holds no bucket; `UNSUPPORTED` for a bucket whose entries come from or
 * go to elsewhere
 */
export function setupOf({ config: stream }: StreamInfo): BucketSetup {
  const bucket = bucketOfStream(stream.name) ?? "";
  const history = stream.max_msgs_per_subject ?? 0;
  if (stream.mirror !== undefined || (stream.sources?.length ?? 0) > 0) {
    throw unsupported(`bucket "${bucket}" takes its entries from another stream`);
  }
  if (stream.republish !== undefined || stream.subject_transform !== undefined) {
    throw unsupported(`bucket "${bucket}" republishes or renames its entries`);
  }
  const isBucket =
    stream.subjects?.length === 1 &&
    stream.subjects[0] === `${subjectPrefix(bucket)}>` &&
    stream.allow_rollup_hdrs === true &&
    (stream.retention ?? "limits") === "limits" &&
    (stream.max_msgs ?? -1) <= 0 &&
    history >= 1 &&
    history <= maxHistory;
  if (!isBucket) {
    throw new KeyValueError("INCOMPATIBLE_STORAGE", `the stream "${stream.name}" is no key-value bucket`);
  }
  const size = stream.max_msg_size ?? -1;
  const metadata = Object.entries(stream.metadata ?? {}).filter(([name]) => !isOfServer(name));
  return {
    config: Object.freeze({
      bucket,
      ...(stream.description ? { description: stream.description } : {}),
      history,
      ...positive("ttl", fromNanos(stream.max_age ?? 0)),
      ...positive("limitMarkerTtl", fromNanos(stream.subject_delete_marker_ttl ?? 0)),
      // Another client's bucket may have a limit that leaves no room for headers.
      ...positive("maxValueSize", size > headerBytes ? size - headerBytes : size),
      ...positive("maxBytes", stream.max_bytes ?? -1),
      compression: stream.compression === "s2",
      metadata: Object.freeze(Object.fromEntries(metadata.sort(([a], [b]) => (a < b ? -1 : 1)))),
    }),
    settings: {
      replicas: stream.num_replicas ?? 1,
      storage: stream.storage ?? "file",
      placement: stream.placement,
    },
  };
}

/** Tells whether a stream's bucket is set up in one way. */
export function isSetUp(info: StreamInfo, { config, settings }: BucketSetup): boolean {
  const found = setupOf(info);
  return sameConfig(found.config, config) && sameSettings(found.settings, settings);
}

export function sameSettings(a: NormalizedSettings, b: NormalizedSettings): boolean {
  return (
    a.replicas === b.replicas && a.storage === b.storage && JSON.stringify(a.placement) === JSON.stringify(b.placement)
  );
}

/** Servers note by whom a stream was made among its metadata. */
function isOfServer(name: string): boolean {
  return name.startsWith("_nats.");
}

function positive<Name extends string>(name: Name, value: number): { readonly [Key in Name]?: number } {
  return value > 0 ? ({ [name]: value } as { readonly [Key in Name]: number }) : {};
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_CONFIG", message);
}

function unsupported(message: string): KeyValueError {
  return new KeyValueError("UNSUPPORTED", message);
}
