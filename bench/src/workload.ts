import type { Kind, Store, Value } from "./store.ts";

/** How many keys share a prefix. */
export const keysPerPrefix = 100;

/** How many keys are looked up in turn, in stores that have more. */
const mostLookups = 100_000;

/** How many values are written in turn; a power of two. */
const values = 1024;

const valueBytes = 100;

/** A store that was filled with `size` keys, and the arguments of the calls on it, made before anything is measured. */
export class Workload {
  readonly store: Store;
  readonly size: number;
  readonly #lookups: readonly string[];
  readonly #values: readonly Value[];
  #next = 0;

  constructor(store: Store, size: number, kind: Kind) {
    this.store = store;
    this.size = size;
    const count = Math.min(size, mostLookups);
    // The step is prime to the sizes, powers of ten: the keys come in no order that helps, and none comes twice.
    this.#lookups = Array.from({ length: count }, (_, index) => makeKey((index * 7919) % size, store.separator));
    this.#values = Array.from({ length: values }, (_, index) => makeValue(index, kind));
  }

  /** A key that the store holds. */
  key(): string {
    this.#next = this.#next + 1 === this.#lookups.length ? 0 : this.#next + 1;
    return this.#lookups[this.#next] as string;
  }

  value(): Value {
    return this.#values[this.#next & (values - 1)] as Value;
  }

  /** A prefix that `keysPerPrefix` keys of the store have. */
  prefix(): string {
    this.#next = (this.#next + 1) % Math.ceil(this.size / keysPerPrefix);
    return makePrefix(this.#next, this.store.separator);
  }
}

/** Fills a store, many keys at a time, so that one that waits for a server does not wait for each key. */
export async function fill(store: Store, size: number, kind: Kind): Promise<void> {
  for (let index = 0; index < size; ) {
    const puts: Promise<unknown>[] = [];
    for (; puts.length < 1000 && index < size; index += 1) {
      puts.push(store.put(makeKey(index, store.separator), makeValue(index, kind)));
    }
    await Promise.all(puts);
  }
}

/** A string of its own in memory, as one that came in from outside is: neither shared nor a part of another. */
function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

function makePrefix(group: number, separator: string): string {
  return `zone${separator}${String(group).padStart(5, "0")}${separator}`;
}

/** A key of 20 bytes. */
function makeKey(index: number, separator: string): string {
  return flat(makePrefix(Math.floor(index / keysPerPrefix), separator) + String(index).padStart(9, "0"));
}

/** A value of 100 bytes. */
function makeValue(index: number, kind: Kind): Value {
  const text = flat(`value ${index} `.padEnd(valueBytes, "."));
  return kind === "string" ? text : new Uint8Array(Buffer.from(text, "latin1"));
}
