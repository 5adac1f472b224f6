import type { Row } from "@revkv/api/adapter";
import { expiryOf } from "@revkv/api/adapter";
import type { Mark } from "./mark.ts";

const operations = ["PUT", "DEL", "PURGE", "PURGE"] as const;
const expiredMarker = 3;

/** Added to an operation whose value is stored apart. */
const apart = 4;

/** How long a row of a head is, and where its parts are; see lua/shared/row.lua. */
const rowSize = 27;
const at = { revision: 0, created: 8, expires: 14, operation: 22, length: 23 } as const;

/** Where the newest row of a head is. */
function newestAt(head: Buffer): number {
  return 1 + (head.readUInt8(0) - 1) * rowSize;
}

/** Makes a row of the newest one of a head, such as a script gives; `ttl` is the bucket's, in milliseconds, 0 for none. */
export function rowOf(key: string, head: Buffer, ttl: number, mark?: Mark): Row {
  const start = newestAt(head);
  const code = head.readUInt8(start + at.operation) % apart;
  const expires = wide(head, start + at.expires);
  const length = head.readUInt32BE(start + at.length);
  const row: Row = {
    key,
    revision: wide(head, start + at.revision),
    operation: operations[code] as Row["operation"],
    // The values follow, unless they were left out.
    value: head.subarray(Math.max(start + rowSize, head.length - length)),
    length,
    created: head.readUIntBE(start + at.created, 6),
    expiresAt: expires === 0 ? undefined : expires,
    expired: code === expiredMarker,
    mark,
  };
  return ttl === 0 ? row : { ...row, expiresAt: expiryOf(row, ttl) };
}

/** Tells whether the newest row of a head is a value. */
export function isLive(head: Buffer): boolean {
  return head.readUInt8(newestAt(head) + at.operation) % apart === 0;
}

/** Tells whether the newest row of a head is a value that is not in line, or has a deadline of its own. */
export function needsScript(head: Buffer): boolean {
  const start = newestAt(head);
  return head.readUInt8(start + at.operation) === apart || (isLive(head) && wide(head, start + at.expires) > 0);
}

/** Where the parts of the state of a bucket are; see lua/shared/bucket.lua. */
const inState = { ttl: 0, revision: 58, nonce: 106 } as const;

/** The ttl that the state of a bucket says, in milliseconds, 0 for none. */
export function ttlOf(state: Buffer): number {
  return wide(state, inState.ttl);
}

/** The head of a bucket, by its state. */
export function headOf(state: Buffer): Mark {
  return { revision: wide(state, inState.revision), nonce: state.toString("latin1", inState.nonce) };
}

/** A number of 8 bytes, below 2 ** 54. */
function wide(buffer: Buffer, offset: number): number {
  return buffer.readUInt32BE(offset) * 2 ** 32 + buffer.readUInt32BE(offset + 4);
}

/** A number of a reply: of Redis itself, or text in a field. */
export function numberOf(reply: unknown): number {
  return Number(String(reply));
}
