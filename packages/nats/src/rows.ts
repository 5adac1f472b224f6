import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import type { EntryOperation } from "@revkv/api";
import type { Row } from "@revkv/api/adapter";
import { header } from "./wire.ts";

/** A message that the API gives as JSON. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly time: string;
  /** In base64. */
  readonly hdrs?: string;
  /** In base64. */
  readonly data?: string;
}

/** What a message says of itself: which operation it is, and by which id it was sent. */
export interface MessageHeaders {
  get(name: string): string | undefined;
}

/** Where the entries of a bucket stand in it. */
export interface RowFrame {
  /** What subjects begin with before the key. */
  readonly prefix: string;
  /** How long an entry lives, in milliseconds. */
  readonly ttl: number | undefined;
}

/** A message that a direct get has answered. */
export function rowOfDirect(message: Msg, frame: RowFrame): Row {
  const headers = message.headers as MsgHdrs;
  return rowOf(
    {
      subject: headers.get(header.subject),
      revision: Number(headers.get(header.sequence)),
      created: Date.parse(headers.get(header.time)),
      headers,
      value: new Uint8Array(message.data),
      length: message.data.length,
    },
    frame,
  );
}

/** A message that the API has answered. */
export function rowOfStored(message: StoredMessage, frame: RowFrame): Row {
  const value = message.data === undefined ? noBytes : Buffer.from(message.data, "base64");
  return rowOf(
    {
      subject: message.subject,
      revision: message.seq,
      created: Date.parse(message.time),
      headers: headersOfStored(message),
      value,
      length: value.length,
    },
    frame,
  );
}

/** A message that a consumer has delivered; its reply subject tells the rest. */
export function rowOfDelivered(message: Msg, revision: number, created: number, frame: RowFrame): Row {
  const { headers, data, subject } = message;
  const size = headers?.get(header.size);
  const isBare = size !== undefined && size !== "";
  const length = isBare ? Number(size) : data.length;
  return rowOf({ subject, revision, created, headers, value: isBare ? noBytes : new Uint8Array(data), length }, frame);
}

/** The headers of a message that the API gives as JSON. */
export function headersOfStored(message: StoredMessage): MessageHeaders {
  if (message.hdrs === undefined) return { get: () => undefined };
  const lines = Buffer.from(message.hdrs, "base64").toString("utf8").split("\r\n");
  return {
    get: (name) => {
      const line = lines.find((one) => one.startsWith(`${name}:`));
      return line?.slice(name.length + 1).trim();
    },
  };
}

interface Found {
  readonly subject: string;
  readonly revision: number;
  readonly created: number;
  readonly headers: MessageHeaders | undefined;
  readonly value: Uint8Array;
  readonly length: number;
}

const noBytes = new Uint8Array(0);

function rowOf({ subject, revision, created, headers, value, length }: Found, { prefix, ttl }: RowFrame): Row {
  const reason = headers?.get(header.marker);
  const operation = operationOf(headers?.get(header.operation), reason);
  const isMarker = operation !== "PUT";
  return {
    key: subject.slice(prefix.length),
    revision,
    operation,
    value: isMarker ? noBytes : value,
    length: isMarker ? 0 : length,
    created,
    expiresAt: ttl === undefined ? undefined : created + ttl,
    expired: reason === "MaxAge",
  };
}

/** The server's own markers say for what reason they are there. */
function operationOf(operation: string | undefined, reason: string | undefined): EntryOperation {
  if (operation === "DEL" || operation === "PURGE") return operation;
  if (reason === "MaxAge" || reason === "Purge") return "PURGE";
  return reason === "Remove" ? "DEL" : "PUT";
}
