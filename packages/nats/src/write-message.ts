import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { headers as newHeaders } from "@nats-io/transport-node";
import type { NatsBucket } from "./nats-bucket.ts";
import type { PendingWrite } from "./pending-write.ts";
import { headerBytes } from "./stream-config.ts";
import type { ApiError } from "./wire.ts";
import { errorCode, header } from "./wire.ts";

/** What a message is stored under only. */
export interface Condition {
  /** The revision of the key's newest entry; 0: none. */
  readonly key?: number | undefined;
  /** The revision of the bucket's newest entry. */
  readonly bucket?: number | undefined;
  /** By which id the bucket's newest entry was sent. */
  readonly id?: string | undefined;
}

/**
 * Under this a message is stored in no case, but it is told if it was stored before: only this condition do servers of all
 * versions judge after that.
 */
export const never: Condition = { id: "none" };

/** What the server says of a message. */
export interface PubAck extends Partial<Record<"seq", number>> {
  readonly error?: ApiError;
  readonly duplicate?: boolean;
}

/** Sends a write, and gives the answer. */
export function publish(bucket: NatsBucket, { write, id }: PendingWrite, condition: Condition): Promise<Msg> {
  const value = typeof write.value === "string" ? Buffer.from(write.value, "utf8") : write.value;
  const headers = newHeaders();
  headers.append(header.messageId, id);
  if (condition.key !== undefined) headers.append(header.expectedRevision, String(condition.key));
  if (condition.bucket !== undefined) headers.append(header.expectedLast, String(condition.bucket));
  if (condition.id !== undefined) headers.append(header.expectedId, condition.id);
  if (write.op !== "put") headers.append(header.operation, write.op === "delete" ? "DEL" : "PURGE");
  if (write.op === "purge") headers.append(header.rollup, "sub");
  if (write.ttl !== undefined) headers.append(header.ttl, `${write.ttl}s`);
  if (write.op === "put" && (bucket.raw.max_msg_size ?? -1) > headerBytes) {
    headers.append(header.padding, "-".repeat(headerBytes - bytesOf(headers) - (header.padding.length + 4)));
  }
  return bucket.jetstream.link.ask(`${bucket.prefix}${write.key}`, value, headers);
}

/** How long headers are as they are sent: a line each, a first line, and an empty one. */
function bytesOf(headers: MsgHdrs): number {
  let bytes = 12;
  for (const [name, values] of headers) for (const value of values) bytes += name.length + value.length + 4;
  return bytes;
}

const mismatches: readonly (number | undefined)[] = [
  errorCode.wrongLastId,
  errorCode.wrongLastSequence,
  errorCode.wrongLastSequenceUnknown,
];

/** Tells whether a message was refused for its condition. */
export function isMismatch({ err_code }: ApiError): boolean {
  return mismatches.includes(err_code);
}

/** The revision that there is instead of the expected one; undefined where the server does not say it. */
export function actualOf({ err_code, description = "" }: ApiError): number | undefined {
  if (err_code !== errorCode.wrongLastSequence) return undefined;
  const found = /wrong last sequence: (\d+)/.exec(description)?.[1];
  return found === undefined ? undefined : Number(found);
}
