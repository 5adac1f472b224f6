import type { KeyValueEntry } from "../entry.ts";
import type { KeyWatcher } from "../watcher.ts";
import { invalid } from "./arguments.ts";

/** An item that a watcher delivers. */
export type WatchedItem = IteratorYieldResult<KeyValueEntry | null>;

type Item = IteratorResult<KeyValueEntry | null, undefined>;
const ended: Item = { done: true, value: undefined };

/** How every watcher is iterated, stopped and aborted, whatever it reads from (rule W9). */
export abstract class IteratedWatcher implements KeyWatcher {
  /** True from the moment on at which it was stopped, aborted or has failed. */
  protected stopped = false;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  #claimed = false;
  /** What ends the iteration, until it was thrown. */
  #failure: { readonly reason: unknown } | undefined;
  #running: Promise<Item> | undefined;
  #pending = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#onAbort = () => this.fail(signal?.reason);
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** The next item; undefined once the watcher is stopped. Rejects with what ends it. Not called concurrently. */
  protected abstract advance(): Promise<WatchedItem | undefined>;

  /** Gives back what the watcher holds, and ends an {@link advance} that waits. Called once. */
  protected abstract release(): void;

  [Symbol.asyncIterator](): AsyncIterator<KeyValueEntry | null, undefined> {
    if (this.#claimed) {
      const refusal = invalid("a watcher is iterated once");
      return { next: () => Promise.reject(refusal) };
    }
    this.#claimed = true;
    return {
      next: () => this.#next(),
      return: async () => {
        await this.stop();
        return ended;
      },
    };
  }

  async forEach(callback: (entry: KeyValueEntry | null) => void | Promise<void>): Promise<void> {
    if (typeof callback !== "function") throw invalid("forEach takes a function");
    if (this.#claimed) throw invalid("a watcher is iterated once");
    for await (const entry of this) await callback(entry);
  }

  async stop(): Promise<void> {
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Ends the iteration by rejecting. */
  protected fail(reason: unknown): void {
    if (this.stopped) return;
    this.#failure = { reason };
    this.#end();
  }

  #end(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.release();
  }

  /** Calls of `next()` that do not wait for each other are answered in their order. */
  #next(): Promise<Item> {
    const step = (): Promise<Item> => this.#step();
    const running = this.#pending === 0 ? undefined : this.#running;
    this.#pending += 1;
    this.#running = running === undefined ? step() : running.then(step, step);
    return this.#running;
  }

  async #step(): Promise<Item> {
    try {
      const item = this.stopped ? undefined : await this.advance();
      if (item !== undefined) return item;
    } catch (error) {
      this.fail(error);
    } finally {
      this.#pending -= 1;
    }
    const failure = this.#failure;
    if (failure === undefined) return ended;
    this.#failure = undefined;
    throw failure.reason;
  }
}
