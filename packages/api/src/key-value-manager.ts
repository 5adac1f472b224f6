import type { Capabilities } from "./capabilities.ts";
import type { KeyValueConfig } from "./config.ts";
import type { KeyValue } from "./key-value.ts";
import type { CallOptions } from "./options.ts";
import type { KeyValueStatus } from "./status.ts";

/**
 * Creates, opens, changes and deletes the buckets of one storage: what every adapter's `connect` resolves to (ADR-8).
 *
 * Besides what each method names, every call can reject with `INVALID_ARGUMENT` (an unknown option), `CLOSED`,
 * `TIMEOUT`, `UNAVAILABLE`, `PERMISSION_DENIED`, `INTERNAL`, or the signal's reason; one that changes something also with
 * `OUTCOME_UNKNOWN`, `READ_ONLY` and `STORAGE_FULL`.
 */
export interface KeyValueManager extends AsyncDisposable {
  /** The kind of storage: `"memory"`, `"sqlite"`, `"postgres"`, `"redis"`, `"nats"`, or what an adapter calls itself. */
  readonly backingStore: string;
  /** What can be relied on here. */
  readonly capabilities: Capabilities;

  /**
   * Opens a bucket that exists (rule B3).
   *
   * @throws `BUCKET_NOT_FOUND`, `INVALID_BUCKET_NAME`
   */
  keyValue(bucket: string, options?: CallOptions): Promise<KeyValue>;

  /**
   * Creates a bucket, or opens the one that exists with the same config (rule B2).
   *
   * @throws `BUCKET_EXISTS` when its config is another; `INVALID_CONFIG`, `INVALID_BUCKET_NAME`, `UNSUPPORTED`
   */
  createKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<KeyValue>;

  /**
   * Changes a bucket's config: a field left out stays as it is, null goes back to the default (rules B4, B6).
   *
   * @throws `BUCKET_NOT_FOUND`, `INVALID_CONFIG`, `INVALID_BUCKET_NAME`, `UNSUPPORTED`
   */
  updateKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<KeyValue>;

  /**
   * Creates a bucket with defaults for what is left out, or updates the one that exists (rule B4).
   *
   * @throws `INVALID_CONFIG`, `INVALID_BUCKET_NAME`, `UNSUPPORTED`
   */
  createOrUpdateKeyValue(config: KeyValueConfig, options?: CallOptions): Promise<KeyValue>;

  /**
   * Deletes a bucket with all that is in it; its watchers end with `BUCKET_NOT_FOUND` (rules B3, B11).
   *
   * @throws `BUCKET_NOT_FOUND`, `INVALID_BUCKET_NAME`
   */
  deleteKeyValue(bucket: string, options?: CallOptions): Promise<void>;

  /** Streams the names of all buckets, sorted (rule B7). */
  keyValueStoreNames(options?: CallOptions): AsyncIterable<string>;

  /** Streams the status of all buckets, sorted by name; `values` and `bytes` may be estimates (rules B7, B8). */
  keyValueStores(options?: CallOptions): AsyncIterable<KeyValueStatus>;

  /**
   * Lets writes in flight finish, ends all watchers, and closes what the adapter opened; afterwards every call rejects
   * with `CLOSED` (rule E4). May be called any number of times.
   */
  close(): Promise<void>;
}
