import type { Capabilities } from "../capabilities.ts";
import type { KeyFilter } from "../filter.ts";
import type { KeyValueStatus } from "../status.ts";
import type { KeyWatcher } from "../watcher.ts";
import type { BucketOperations } from "./checked-key-value.ts";
import { CheckedKeyValue } from "./checked-key-value.ts";
import { openWatcher } from "./open-watcher.ts";
import { keyPages, purgeDeletes, readHistory, removeMatching } from "./pages.ts";
import type { Row } from "./row.ts";
import { statusOf } from "./status.ts";
import type { Awaitable } from "./storage.ts";
import type { StorageWatcher } from "./storage-watcher.ts";
import type { StoredBucket } from "./stored-bucket.ts";
import type { WatchPlan } from "./watch-plan.ts";
import type { Unit } from "./write.ts";

/** The `KeyValue` of every adapter on the storage port. */
export class StorageKeyValue extends CheckedKeyValue {
  constructor(stored: StoredBucket, watchers: Set<StorageWatcher>) {
    super(new StorageOperations(stored, watchers));
  }
}

/** What a bucket does, carried out on a storage. */
class StorageOperations implements BucketOperations {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #stored: StoredBucket;
  readonly #watchers: Set<StorageWatcher>;

  constructor(stored: StoredBucket, watchers: Set<StorageWatcher>) {
    this.name = stored.storage.name;
    this.capabilities = stored.context.storage.capabilities;
    this.#stored = stored;
    this.#watchers = watchers;
  }

  read(keys: readonly string[], signal: AbortSignal | undefined): Awaitable<readonly (Row | undefined)[]> {
    return this.#stored.read(keys, signal);
  }

  readRevision(key: string, revision: number, signal: AbortSignal | undefined): Awaitable<Row | undefined> {
    return this.#stored.step((storage, call) => storage.readRevision(key, revision, call), signal);
  }

  write(unit: Unit, signal: AbortSignal | undefined): Awaitable<readonly number[]> {
    return this.#stored.write(unit, signal);
  }

  keyPages(filter: KeyFilter, values: boolean, signal: AbortSignal | undefined): ReturnType<typeof keyPages> {
    return keyPages(this.#stored, filter, values, signal);
  }

  history(filter: KeyFilter, values: boolean, signal: AbortSignal | undefined): Promise<readonly Row[]> {
    return readHistory(this.#stored, filter, values, signal);
  }

  watch(plan: WatchPlan): Promise<KeyWatcher> {
    return openWatcher(this.#stored, this.#watchers, plan);
  }

  remove(
    op: "delete" | "purge",
    pages: AsyncIterable<readonly Row[]>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    return removeMatching(this.#stored, op, pages, signal);
  }

  purgeDeletes(olderThan: number, signal: AbortSignal | undefined): Promise<number> {
    return purgeDeletes(this.#stored, olderThan, signal);
  }

  async status(signal: AbortSignal | undefined): Promise<KeyValueStatus> {
    const { context, storage } = this.#stored;
    const description = await this.#stored.step((bucket, call) => bucket.describe(call), signal);
    return statusOf(context.storage.backingStore, storage, description);
  }
}
