import type { Row } from "@revkv/api/adapter";
import { expiryOf } from "@revkv/api/adapter";
import type { Mark } from "./mark.ts";

const operations = ["PUT", "DEL", "PURGE", "PURGE"] as const;
const expiredMarker = 3;

/** Added to an operation whose value is stored apart. */
const apart = 4;

/** Where the parts of a record are; see lua/shared/rows.lua. */
const at = { revision: 1, created: 9, expires: 15, operation: 23, length: 24, value: 28 } as const;

/** Makes a row of a record that a script gave; `ttl` is the bucket's, in milliseconds, 0 for none. */
export function rowOf(key: string, record: Buffer, ttl: number, mark?: Mark): Row {
  const code = record.readUInt8(at.operation) % apart;
  const expires = wide(record, at.expires);
  const row: Row = {
    key,
    revision: wide(record, at.revision),
    operation: operations[code] as Row["operation"],
    value: record.subarray(at.value),
    length: record.readUInt32BE(at.length),
    created: record.readUIntBE(at.created, 6),
    expiresAt: expires === 0 ? undefined : expires,
    expired: code === expiredMarker,
    mark,
  };
  return ttl === 0 ? row : { ...row, expiresAt: expiryOf(row, ttl) };
}

/** A number of 8 bytes, below 2 ** 54. */
function wide(buffer: Buffer, offset: number): number {
  return buffer.readUInt32BE(offset) * 2 ** 32 + buffer.readUInt32BE(offset + 4);
}

/** A number of a reply: of Redis itself, or text in a field. */
export function numberOf(reply: unknown): number {
  return Number(String(reply));
}
