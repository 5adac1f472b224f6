import type { Row } from "@revkv/api/adapter";
import { expiryOf } from "@revkv/api/adapter";

/** What `op` says in a row. */
const operations = ["PUT", "DEL", "PURGE", "PURGE"] as const;
const expiredMarker = 3;

const noBytes: Uint8Array = new Uint8Array(0);

/** A number of a column, whatever type the driver gives it. */
export function numberOf(column: unknown): number {
  return Number(column);
}

/** The same where a column can be null. */
export function numberOrUndefined(column: unknown): number | undefined {
  return column === null ? undefined : Number(column);
}

/** What makes up a row; columns that are null stay null. */
export interface RowColumns {
  readonly key: string;
  readonly revision: unknown;
  readonly op: unknown;
  readonly created: unknown;
  readonly expires: unknown;
  /** The value in base64; null when it is empty or was not asked for. */
  readonly value: unknown;
  /** The length of the stored value in bytes; undefined: that of `value`. */
  readonly size?: unknown;
  /** The bucket's ttl, in milliseconds. */
  readonly ttl: unknown;
}

/** Makes a row as the kit wants it. */
export function rowOf({ key, revision, op, created, expires, value, size, ttl }: RowColumns): Row {
  const bytes = decoded(value);
  const code = numberOf(op);
  const row: Row = {
    key,
    revision: numberOf(revision),
    operation: operations[code] as Row["operation"],
    value: bytes,
    length: size === undefined ? bytes.length : numberOf(size),
    created: numberOf(created),
    expiresAt: numberOrUndefined(expires),
    expired: code === expiredMarker,
  };
  return ttl === null ? row : { ...row, expiresAt: expiryOf(row, numberOf(ttl)) };
}

/** Makes a row of a live entry; `expires` is the earlier of its own deadline and the bucket's. */
export function liveRow(key: string, revision: unknown, created: unknown, expires: unknown, value: unknown): Row {
  const bytes = decoded(value);
  return {
    key,
    revision: numberOf(revision),
    operation: "PUT",
    value: bytes,
    length: bytes.length,
    created: numberOf(created),
    expiresAt: numberOrUndefined(expires),
    expired: false,
  };
}

function decoded(value: unknown): Uint8Array {
  return typeof value === "string" && value !== "" ? Buffer.from(value, "base64") : noBytes;
}
