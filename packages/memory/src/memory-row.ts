import type { EntryOperation } from "@revkv/api";
import type { Row, Value } from "@revkv/api/adapter";
import { bytesOf, expiryOf } from "@revkv/api/adapter";

const noBytes: Uint8Array = new Uint8Array(0);

/** Longer values are held as bytes of their own, outside of JavaScript's heap, whose size is limited. */
const longestOnHeap = 4096;

/** A row as it is held. */
export class MemoryRow implements Row {
  readonly key: string;
  readonly revision: number;
  readonly operation: EntryOperation;
  readonly length: number;
  readonly created: number;
  readonly expiresAt: number | undefined;
  readonly expired: boolean;
  slot = 0;
  readonly #held: Held;

  constructor(row: Row, held: Held = hold(row.value), expiresAt: number | undefined = row.expiresAt) {
    this.key = row.key;
    this.revision = row.revision;
    this.operation = row.operation;
    this.length = row.length;
    this.created = row.created;
    this.expiresAt = expiresAt;
    this.expired = row.expired;
    this.#held = held;
  }

  get value(): Value {
    return this.#held instanceof PackedBytes ? this.#held.unpack() : this.#held;
  }

  /** The row as it is handed out: with the expiry that holds for it, and without its value if that is not wanted. */
  handedOut(ttl: number | undefined, values = true): MemoryRow {
    if (ttl === undefined && values) return this;
    return new MemoryRow(this, values ? this.#held : noBytes, expiryOf(this, ttl));
  }
}

/**
 * Bytes as a string of one character per byte: for 100 bytes that takes less than a third of the memory of an array of
 * their own, and a tenth of the time.
 */
class PackedBytes {
  readonly #characters: string;

  constructor(bytes: Uint8Array) {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#characters = buffer.toString("latin1");
  }

  unpack(): Uint8Array {
    return Buffer.from(this.#characters, "latin1");
  }
}

/** A value as it is held. */
type Held = Value | PackedBytes;

function hold(value: Value): Held {
  if (value.length > longestOnHeap) return bytesOf(value);
  return typeof value === "string" || value.length === 0 ? value : new PackedBytes(value);
}
