import type { Capabilities, NormalizedConfig } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { CreatedBucket, OpenedBucket, Storage, StorageTraits, Sweep } from "@revkv/api/adapter";
import { embeddedCapabilities, embeddedTraits } from "@revkv/api/adapter";
import type { Store, StoreLease } from "./store.ts";

/** The most milliseconds between two looks at the clock while something has a deadline: an injected clock can jump. */
const clockCheck = 1000;

/** One manager's way to a {@link Store}. Everything is answered at once. */
export class MemoryStorage implements Storage {
  readonly backingStore: string = "memory";
  readonly capabilities: Capabilities = embeddedCapabilities;
  readonly traits: StorageTraits = embeddedTraits;
  readonly #lease: StoreLease;

  constructor(lease: StoreLease) {
    this.#lease = lease;
  }

  get #store(): Store {
    return this.#lease.store;
  }

  openBucket(name: string): OpenedBucket | undefined {
    const bucket = this.#store.open(name);
    return bucket && { bucket, config: bucket.config };
  }

  createBucket(config: NormalizedConfig): CreatedBucket {
    const existing = this.#store.open(config.bucket);
    const bucket = existing ?? this.#store.create(config);
    return { bucket, created: existing === undefined, config: bucket.config };
  }

  deleteBucket(name: string): boolean {
    return this.#store.delete(name);
  }

  bucketNames(after: string, limit: number): string[] {
    return this.#store
      .names()
      .filter((name) => name > after)
      .slice(0, limit);
  }

  sweep(limit: number): Sweep {
    let nextDue = Number.POSITIVE_INFINITY;
    for (const bucket of this.#store.buckets) {
      bucket.sweep(limit);
      nextDue = Math.min(nextDue, bucket.nextDue);
    }
    // Another manager may write with a ttl to a named store and close before the deadline.
    if (nextDue === Number.POSITIVE_INFINITY && !this.#store.named) return { next: undefined };
    return { next: Math.min(Math.max(0, nextDue - this.#store.now()), clockCheck) };
  }

  now(): number {
    return this.#store.now();
  }

  translateError(error: unknown): KeyValueError {
    return new KeyValueError("INTERNAL", "the memory storage failed", { cause: error });
  }

  close(): void {
    this.#lease.release();
  }
}
