import type { Kind, Store, Value } from "./store.ts";

/** How many keys share a prefix. */
export const keysPerPrefix = 100;

/** How many keys are looked up in turn, in stores that have more. */
const mostLookups = 100_000;

/** How many values are written in turn; a power of two. */
const values = 1024;

/** How long a value is, unless a comparison says otherwise. */
export const usualValueBytes = 100;

/** How many keys are drawn before the draws repeat; a power of two, like the number of values. */
const draws = 65_536;

/** What a store is filled with. */
export interface Filling {
  readonly kind: Kind;
  /** How many keys. */
  readonly size: number;
  readonly valueBytes?: number | undefined;
}

/** A store that was filled with `size` keys, and the arguments of the calls on it, made before anything is measured. */
export class Workload {
  readonly store: Store;
  readonly size: number;
  readonly #lookups: readonly string[];
  readonly #values: readonly Value[];
  /** Places in the list of keys, drawn at random, so that no order of the writes helps a store. */
  readonly #order: Uint32Array;
  #next = 0;
  #written = 0;

  constructor(store: Store, { kind, size, valueBytes }: Filling) {
    this.store = store;
    this.size = size;
    const count = Math.min(size, mostLookups);
    // The step is prime to the sizes, powers of ten: no key comes twice.
    this.#lookups = Array.from({ length: count }, (_, index) => makeKey((index * 7919) % size, store.separator));
    this.#values = Array.from({ length: values }, (_, index) => makeValue(index, kind, valueBytes));
    let state = 1;
    this.#order = Uint32Array.from({ length: draws }, () => {
      // A generator of Lehmer's, whose numbers are the same in every process.
      state = (state * 48_271) % 2_147_483_647;
      return state % count;
    });
  }

  /** A key that the store holds. */
  key(): string {
    this.#next = (this.#next + 1) % draws;
    return this.#lookups[this.#order[this.#next] as number] as string;
  }

  value(): Value {
    // Counted by itself, and prime to the draws: a key is not given the value that it has, which a store may notice.
    this.#written = (this.#written + 1) % (values - 1);
    return this.#values[this.#written] as Value;
  }

  /** A prefix that `keysPerPrefix` keys of the store have. */
  prefix(): string {
    this.#next = (this.#next + 1) % Math.ceil(this.size / keysPerPrefix);
    return makePrefix(this.#next, this.store.separator);
  }
}

/** Fills a store, many keys at a time, so that one that waits for a server does not wait for each key. */
export async function fill(store: Store, { kind, size, valueBytes }: Filling): Promise<void> {
  for (let index = 0; index < size; ) {
    const puts: unknown[] = [];
    for (; puts.length < 1000 && index < size; index += 1) {
      puts.push(store.put(makeKey(index, store.separator), makeValue(index, kind, valueBytes)));
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

function makeValue(index: number, kind: Kind, valueBytes = usualValueBytes): Value {
  const text = flat(`value ${index} `.padEnd(valueBytes, "."));
  return kind === "string" ? text : new Uint8Array(Buffer.from(text, "latin1"));
}
