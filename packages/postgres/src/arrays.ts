import type { Value } from "@revkv/api/adapter";
import { bytesOf } from "@revkv/api/adapter";

const byteaOid = 17;
const bigintOid = 20;

/** The bytes before the first element of an array in the binary format of the protocol. */
const headerBytes = 20;

/** A `text[]` of keys, which contain nothing that would have to be escaped between quotes. */
export function textArray(keys: readonly string[]): string {
  return keys.length === 0 ? "{}" : `{"${keys.join('","')}"}`;
}

/** An array of numbers. */
export function numberArray(numbers: readonly number[]): string {
  return `{${numbers.join(",")}}`;
}

/** A `bigint[]` in the binary format: in a text the server need not take NULL for null (`array_nulls`). */
export function bigintArray(numbers: readonly (number | null)[]): Buffer {
  const buffer = Buffer.allocUnsafe(headerBytes + 12 * numbers.length);
  let at = writeHeader(buffer, bigintOid, numbers);
  for (const number of numbers) {
    at = buffer.writeInt32BE(number === null ? -1 : 8, at);
    if (number !== null) at = buffer.writeBigInt64BE(BigInt(number), at);
  }
  return buffer.subarray(0, at);
}

/** A `bytea[]` in the binary format: as text it would be twice as long, and be parsed. */
export function byteaArray(values: readonly (Value | null)[]): Buffer {
  const elements = values.map((value) => (value === null ? null : bytesOf(value)));
  const size = elements.reduce((sum, element) => sum + 4 + (element?.length ?? 0), headerBytes);
  const buffer = Buffer.allocUnsafe(size);
  let at = writeHeader(buffer, byteaOid, elements);
  for (const element of elements) {
    at = buffer.writeInt32BE(element?.length ?? -1, at);
    if (element === null) continue;
    buffer.set(element, at);
    at += element.length;
  }
  return buffer;
}

/** Writes what comes before the elements of an array with one dimension; gives where they begin. */
function writeHeader(buffer: Buffer, elementOid: number, elements: readonly unknown[]): number {
  buffer.writeInt32BE(1, 0); // dimensions
  buffer.writeInt32BE(elements.includes(null) ? 1 : 0, 4);
  buffer.writeInt32BE(elementOid, 8);
  buffer.writeInt32BE(elements.length, 12);
  return buffer.writeInt32BE(1, 16); // the first index
}
