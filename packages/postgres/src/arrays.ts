import type { Value } from "@revkv/api/adapter";
import { bytesOf } from "@revkv/api/adapter";

const byteaOid = 17;

/** A `text[]` of keys, which contain nothing that would have to be escaped between quotes. */
export function textArray(keys: readonly string[]): string {
  return keys.length === 0 ? "{}" : `{"${keys.join('","')}"}`;
}

/** An array of numbers. */
export function numberArray(numbers: readonly (number | null)[]): string {
  return `{${numbers.map((number) => number ?? "NULL").join(",")}}`;
}

/** A `bytea[]` in the binary format of the protocol: as text it would be twice as long, and be parsed. */
export function byteaArray(values: readonly (Value | null)[]): Buffer {
  const elements = values.map((value) => (value === null ? null : bytesOf(value)));
  const header = 20;
  const size = elements.reduce((sum, element) => sum + 4 + (element?.length ?? 0), header);
  const buffer = Buffer.allocUnsafe(size);
  buffer.writeInt32BE(1, 0); // dimensions
  buffer.writeInt32BE(elements.includes(null) ? 1 : 0, 4);
  buffer.writeInt32BE(byteaOid, 8);
  buffer.writeInt32BE(elements.length, 12);
  buffer.writeInt32BE(1, 16); // the first index
  let at = header;
  for (const element of elements) {
    buffer.writeInt32BE(element?.length ?? -1, at);
    at += 4;
    if (element === null) continue;
    buffer.set(element, at);
    at += element.length;
  }
  return buffer;
}
