import type { NormalizedConfig } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { MemoryBucket } from "./memory-bucket.ts";

/** The buckets of one storage, and its clock. */
export class Store {
  /** The clock as it was given. */
  readonly clock: () => number;
  /** The one clock of all who use the store, in milliseconds (rule T6). */
  readonly now: () => number;
  /** True when managers that are not known yet can come to share the store. */
  readonly named: boolean;
  readonly #buckets: Map<string, MemoryBucket> = new Map();

  constructor(now: () => number, named: boolean) {
    this.clock = now;
    this.now = now === Date.now ? now : () => checkedTime(now());
    this.named = named;
  }

  /** All buckets, in no order. */
  get buckets(): Iterable<MemoryBucket> {
    return this.#buckets.values();
  }

  open(name: string): MemoryBucket | undefined {
    return this.#buckets.get(name);
  }

  create(config: NormalizedConfig): MemoryBucket {
    const bucket = new MemoryBucket(config, this.now);
    this.#buckets.set(config.bucket, bucket);
    return bucket;
  }

  delete(name: string): boolean {
    this.#buckets.get(name)?.delete();
    return this.#buckets.delete(name);
  }

  names(): string[] {
    return [...this.#buckets.keys()].sort();
  }
}

/** @throws `INVALID_ARGUMENT` for what no `Date` can hold: an entry without a time would have no order */
function checkedTime(time: unknown): number {
  if (typeof time === "number" && Math.abs(time) <= 8.64e15) return time;
  throw new KeyValueError("INVALID_ARGUMENT", "the clock that was given to connect does not tell milliseconds");
}

/** The named stores that are in use, and by how many. */
const inUse = new Map<string, { readonly store: Store; users: number }>();

/** A store that the caller uses until it releases it. */
export interface StoreLease {
  readonly store: Store;
  release(): void;
}

/**
 * Leases the store of this name, made when nobody uses it, or without a name one of the caller's own. A named store
 * lives, with all that it holds, until its last user has released it.
 *
 * @throws `INVALID_ARGUMENT` when the store is in use with another clock
 */
export function leaseStore(name: string | undefined, now: (() => number) | undefined): StoreLease {
  if (name === undefined) return { store: new Store(now ?? Date.now, false), release: () => undefined };
  const shared = inUse.get(name) ?? { store: new Store(now ?? Date.now, true), users: 0 };
  if (now !== undefined && now !== shared.store.clock) {
    throw new KeyValueError("INVALID_ARGUMENT", `the store ${JSON.stringify(name)} is in use with another clock`);
  }
  inUse.set(name, shared);
  shared.users += 1;
  return {
    store: shared.store,
    release: () => {
      shared.users -= 1;
      if (shared.users === 0) inUse.delete(name);
    },
  };
}
