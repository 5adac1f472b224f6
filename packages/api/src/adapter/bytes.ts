/**
 * A value inside of the kit: bytes, or text that stands for its UTF-8 bytes. Text that was put is passed on as it is, and
 * encoded by whoever needs bytes, with {@link bytesOf}: a storage of objects keeps it, and gives it back to be read as
 * text again.
 */
export type Value = Uint8Array | string;

/**
 * The bytes of a value, not to be changed. Node allocates small `Buffer`s from a shared pool, which costs a tenth of a
 * `Uint8Array` of their own; what applications get is always an array of their own.
 */
export function bytesOf(value: Value): Uint8Array {
  return typeof value === "string" ? Buffer.from(value, "utf8") : value;
}

/** How many bytes a value has. */
export function lengthOf(value: Value): number {
  return typeof value === "string" ? Buffer.byteLength(value, "utf8") : value.length;
}

/** A value as text; what is no UTF-8 becomes U+FFFD. */
export function textOf(value: Value): string {
  if (typeof value === "string") return value;
  const buffer = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
  return buffer.toString("utf8");
}

const tagOf: ((this: unknown) => unknown) | undefined = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get;

/** Tells whether a value really is a `Uint8Array`, of whatever realm, and not only looks like one. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && tagOf?.call(value) === "Uint8Array";
}

/** A copy for our own use; undefined when the bytes are gone, because their buffer was detached or made shorter. */
export function copyBytes(bytes: Uint8Array): Uint8Array | undefined {
  const prototype = Object.getPrototypeOf(bytes);
  const isPlain = prototype === Uint8Array.prototype || prototype === Buffer.prototype;
  if (isPlain && bytes.length > 0) return Buffer.from(bytes);
  try {
    // Copies what the array really holds, whatever a subclass says, and throws when nothing is left of it.
    return new Uint8Array(bytes);
  } catch {
    return undefined;
  }
}
