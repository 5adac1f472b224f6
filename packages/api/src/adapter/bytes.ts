/**
 * Bytes inside of the kit. Node allocates small `Buffer`s from a shared pool, which costs a tenth of a `Uint8Array` of
 * their own; what applications get is always an array of their own.
 */

/** The text's UTF-8 bytes. */
export function encodeText(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

/** The text that these UTF-8 bytes are; what is no UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("utf8");
}

/** A copy for our own use. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes);
}
