/** What JetStream's API takes and gives, as far as it is used here. */

/** The error of a request that was answered. */
export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** Where a cluster keeps a stream. */
export interface Placement {
  readonly cluster?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** How a stream is set up; whatever else the server says of it is passed back as it came. */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly retention?: string;
  readonly max_msgs_per_subject?: number;
  readonly max_msgs?: number;
  readonly max_bytes?: number;
  /** In nanoseconds; 0: for ever. */
  readonly max_age?: number;
  readonly max_msg_size?: number;
  readonly storage?: "file" | "memory";
  readonly discard?: "old" | "new";
  readonly num_replicas?: number;
  readonly placement?: Placement;
  /** In nanoseconds. */
  readonly duplicate_window?: number;
  readonly compression?: "none" | "s2";
  readonly metadata?: Readonly<Record<string, string>>;
  readonly allow_direct?: boolean;
  readonly allow_rollup_hdrs?: boolean;
  readonly deny_delete?: boolean;
  readonly allow_msg_ttl?: boolean;
  /** In nanoseconds. */
  readonly subject_delete_marker_ttl?: number;
  readonly republish?: unknown;
  readonly mirror?: unknown;
  readonly sources?: readonly unknown[];
  readonly subject_transform?: unknown;
}

/** What a stream holds. */
export interface StreamState {
  readonly messages: number;
  readonly bytes: number;
  readonly first_seq: number;
  readonly last_seq: number;
  /** How many subjects have messages; left out when none has. */
  readonly num_subjects?: number;
  readonly consumer_count?: number;
  /** How many messages each subject has, a page of them, when they were asked for. */
  readonly subjects?: Readonly<Record<string, number>>;
}

/** A stream as the server describes it. */
export interface StreamInfo {
  readonly config: StreamConfig;
  readonly created: string;
  readonly state: StreamState;
  /** How many subjects there are, when they were asked for. */
  readonly total?: number;
}

/** What a consumer is asked to give. */
export interface ConsumerConfig {
  readonly filter_subject?: string;
  readonly deliver_policy: "all" | "last_per_subject" | "by_start_sequence";
  readonly opt_start_seq?: number;
  readonly headers_only?: boolean;
}

/** The headers that messages of buckets carry. */
export const header = {
  expectedId: "Nats-Expected-Last-Msg-Id",
  expectedLast: "Nats-Expected-Last-Sequence",
  expectedRevision: "Nats-Expected-Last-Subject-Sequence",
  marker: "Nats-Marker-Reason",
  messageId: "Nats-Msg-Id",
  operation: "KV-Operation",
  padding: "Revkv-Padding",
  rollup: "Nats-Rollup",
  sequence: "Nats-Sequence",
  size: "Nats-Msg-Size",
  subject: "Nats-Subject",
  time: "Nats-Time-Stamp",
  ttl: "Nats-TTL",
} as const;

/** What the server's error codes mean that are not errors of the caller. */
export const errorCode = {
  consumerInUse: 10013,
  consumerNotFound: 10014,
  duplicateInProcess: 10158,
  messageTooLarge: 10054,
  noMessage: 10037,
  noStore: 10049,
  /** Whatever kept the store from taking a message; only the description says what. */
  notStored: 10077,
  otherStart: 10012,
  streamExists: 10058,
  streamNotFound: 10059,
  wrongLastId: 10070,
  wrongLastSequence: 10071,
  wrongLastSequenceUnknown: 10164,
} as const;

/** The milliseconds of a number of nanoseconds. */
export function fromNanos(nanos: number): number {
  return Math.round(nanos / 1e6);
}

/** The nanoseconds of a number of milliseconds. */
export function toNanos(milliseconds: number): number {
  return milliseconds * 1e6;
}
