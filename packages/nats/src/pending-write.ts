import type { KeyValueError } from "@revkv/api";
import type { Value } from "@revkv/api/adapter";
import { lengthOf } from "@revkv/api/adapter";

/** A message that is to be stored. */
export interface Write {
  readonly op: "put" | "delete" | "purge";
  readonly key: string;
  readonly value: Value;
  /** The revision that the key's newest entry must have; 0: none; undefined: whatever it has. */
  readonly expect: number | undefined;
  /** How long the entry lives, in whole seconds. */
  readonly ttl?: number | undefined;
}

/** What became of a write: the revision that it has, or the one that the key has instead of the expected. */
export type Written = { readonly revision: number } | { readonly actual: number };

/** A write on its way, until it is known what became of it. */
export class PendingWrite {
  readonly write: Write;
  /** What the server tells the message by. */
  readonly id: string;
  /** The place in the order in which the writes were made. */
  readonly order: number;
  readonly bytes: number;
  readonly deadline: number;
  /** What becomes of it; rejects with what keeps it from being carried out, or known. */
  readonly result: Promise<Written>;
  /** What is older than this was there before the write was sent. */
  floor = 0;
  /** True once it may have been stored without our knowing. */
  isUncertain = false;
  /** True when a later write to the same key has been stored: this one must not follow it. */
  wasOvertaken = false;
  /** Why it was not carried out so far. */
  problem: KeyValueError | undefined;
  #isSettled = false;
  #resolve!: (written: Written) => void;
  #reject!: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.reject(this.#signal?.reason);

  constructor(write: Write, id: string, order: number, deadline: number, signal: AbortSignal | undefined) {
    this.write = write;
    this.id = id;
    this.order = order;
    this.bytes = lengthOf(write.value) + write.key.length;
    this.deadline = deadline;
    this.#signal = signal;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal?.addEventListener("abort", this.#abort);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  resolve(written: Written): void {
    if (this.#settle()) this.#resolve(written);
  }

  reject(reason: unknown): void {
    if (this.#settle()) this.#reject(reason);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    return true;
  }
}
