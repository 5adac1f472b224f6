import type { KvWatchEntry } from "@nats-io/kv";
import type { KeyValueEntry, KeyWatcher } from "@revkv/api";
import { entryOf } from "./rename.ts";

/**
 * A watcher of @nats-io/kv as it is. `null` stands where the server says that nothing more is pending, or behind as many
 * entries as it said at the start: a server before 2.10 counts a write that has just been stored once more with the first
 * entry of a watch that resumes, now and then.
 */
export class BareWatcher implements KeyWatcher {
  readonly #items: AsyncIterable<KvWatchEntry> & { stop(): void };
  readonly #pending: number;

  constructor(items: AsyncIterable<KvWatchEntry> & { stop(): void }, pending: number) {
    this.#items = items;
    this.#pending = pending;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KeyValueEntry | null, undefined, undefined> {
    let pending = this.#pending;
    let isLive = pending === 0;
    if (isLive) yield null;
    for await (const entry of this.#items) {
      yield entryOf(entry, 0, isLive);
      if (isLive) continue;
      pending -= 1;
      // The server tells with each entry how many are behind it.
      if (pending > 0 && entry.delta !== 0) continue;
      isLive = true;
      yield null;
    }
    return undefined;
  }

  async forEach(callback: (entry: KeyValueEntry | null) => void | Promise<void>): Promise<void> {
    for await (const entry of this) await callback(entry);
  }

  async stop(): Promise<void> {
    this.#items.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
