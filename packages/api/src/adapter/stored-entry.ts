import type { EntryOperation, KeyValueEntry } from "../entry.ts";
import { bytesOf, textOf } from "./bytes.ts";
import type { Row } from "./row.ts";

const inspect = Symbol.for("nodejs.util.inspect.custom");

/** The last moment that a `Date` can hold, in milliseconds. */
const lastDate = 8.64e15;

/**
 * An entry over a row that other readers share: value and dates are copied when they are first asked for, so that
 * changing them changes nothing for anybody else (rule M6).
 */
export class StoredEntry implements KeyValueEntry {
  readonly bucket: string;
  readonly key: string;
  readonly length: number;
  readonly revision: number;
  readonly delta: number;
  readonly operation: EntryOperation;
  readonly isUpdate: boolean;
  readonly #row: Row;
  readonly #withValue: boolean;
  #value: Uint8Array | undefined;
  #created: Date | undefined;
  #expiresAt: Date | undefined;

  constructor(bucket: string, row: Row, isUpdate = false, delta = 0, withValue = true) {
    this.bucket = bucket;
    this.key = row.key;
    this.length = row.length;
    this.revision = row.revision;
    this.delta = delta;
    this.operation = row.operation;
    this.isUpdate = isUpdate;
    this.#row = row;
    this.#withValue = withValue;
  }

  get value(): Uint8Array {
    this.#value ??= this.#withValue ? new Uint8Array(bytesOf(this.#row.value)) : new Uint8Array(0);
    return this.#value;
  }

  get created(): Date {
    this.#created ??= new Date(this.#row.created);
    return this.#created;
  }

  get expiresAt(): Date | undefined {
    if (this.#row.expiresAt !== undefined) this.#expiresAt ??= new Date(Math.min(this.#row.expiresAt, lastDate));
    return this.#expiresAt;
  }

  get reason(): "expired" | undefined {
    return this.#row.expired ? "expired" : undefined;
  }

  string(): string {
    return textOf(this.#value ?? (this.#withValue ? this.#row.value : this.value));
  }

  json<T = unknown>(): T {
    return JSON.parse(this.string()) as T;
  }

  static {
    // Consoles show own properties only: give them what is behind the getters too.
    Object.defineProperty(StoredEntry.prototype, inspect, {
      value(this: StoredEntry): object {
        const { bucket, key, value, length, revision, created, delta, operation, isUpdate, expiresAt, reason } = this;
        return { bucket, key, value, length, revision, created, delta, operation, isUpdate, expiresAt, reason };
      },
    });
  }
}
