import { isKeyValueError, KeyValueError, RevisionCompactedError } from "../errors.ts";
import { Backoff } from "./backoff.ts";
import type { Window } from "./feed.ts";
import type { WatchedItem } from "./iterated-watcher.ts";
import { IteratedWatcher } from "./iterated-watcher.ts";
import type { Position, Row } from "./row.ts";
import type { Head } from "./storage.ts";
import type { StoredBucket } from "./stored-bucket.ts";
import { StoredEntry } from "./stored-entry.ts";
import { isTurnUsedUp, nextTurn } from "./turn.ts";
import type { WatchPlan } from "./watch-plan.ts";

/**
 * A watcher is a cursor: a filter and a position in the log. It holds one page at most, which it shares with others where
 * it can, and reads the next when the consumer asks for it (rules W1, W7, W8).
 */
export class StorageWatcher extends IteratedWatcher {
  /** Held so that all handles and watchers of the bucket share one feed for as long as there are any. */
  readonly #stored: StoredBucket;
  readonly #plan: WatchPlan;
  readonly #onStop: () => void;
  /** The line between the initial set and what is live: the head when the watch began. */
  readonly #line: Head;
  #position: Position;
  #phase: "initial" | "live";
  #window: Window | undefined;
  /** The index in the window's rows at which to go on. */
  #index = 0;
  #resume: unknown;
  #pageRows: number;
  #interrupt: (() => void) | undefined;
  readonly #detectsLoss: boolean;

  constructor(stored: StoredBucket, plan: WatchPlan, line: Head, onStop: (watcher: StorageWatcher) => void) {
    super(plan.signal);
    const { context } = stored;
    this.#stored = stored;
    this.#plan = plan;
    this.#line = line;
    this.#phase = "initial";
    this.#position = plan.initial === "none" ? line : { revision: plan.start };
    this.#pageRows = context.storage.traits.pageRows;
    this.#detectsLoss = context.storage.capabilities.lossDetection !== "none";
    this.#onStop = () => onStop(this);
  }

  protected override release(): void {
    this.#window = undefined;
    this.#stored.feed.leave();
    this.#onStop();
    this.#interrupt?.();
  }

  protected override async advance(): Promise<WatchedItem | undefined> {
    while (!this.stopped) {
      if (this.#phase === "initial" && this.#position.revision >= this.#line.revision) return this.#goLive();
      const window = this.#current() ?? (await this.#read());
      if (window === undefined) continue;
      const row = this.#take(window);
      if (row !== undefined) {
        const isUpdate = this.#phase === "live";
        return {
          done: false,
          value: new StoredEntry(this.#stored.storage.name, row, isUpdate, 0, !this.#plan.metaOnly),
        };
      }
      if (!window.done) continue;
      if (this.#phase === "initial") this.#position = this.#line;
      else if (this.#stored.feed.isCurrent(window)) await this.#sleep((resume) => this.#stored.feed.wait(resume));
    }
    return undefined;
  }

  #goLive(): WatchedItem {
    this.#phase = "live";
    this.#position = this.#line;
    this.#window = undefined;
    this.#resume = undefined;
    return { done: false, value: null };
  }

  /** The page at hand, if it still stands and has not been read to its end. */
  #current(): Window | undefined {
    const window = this.#window;
    if (window === undefined) return undefined;
    if (this.#stored.feed.isCurrent(window)) {
      if (this.#index < window.rows.length) return window;
      this.#pageRows = Math.min(this.#pageRows * 2, this.#stored.context.storage.traits.pageRows);
    } else if (this.#index < window.rows.length) {
      // Rows that were read for nothing: a consumer that is slower than the changes asks for fewer at a time.
      this.#pageRows = Math.max(1, this.#pageRows >> 1);
    }
    this.#window = undefined;
    return undefined;
  }

  /** The next row that this watcher wants; the position moves with every row, wanted or not, and to the page's end. */
  #take(window: Window): Row | undefined {
    const { rows } = window;
    const { filter, ignoreDeletes } = this.#plan;
    while (this.#index < rows.length) {
      const row = rows[this.#index] as Row;
      this.#index += 1;
      if (row.revision <= this.#position.revision) continue;
      this.#position = row;
      if (ignoreDeletes && row.operation !== "PUT") continue;
      if (filter.matches(row.key)) return row;
    }
    if (window.end.revision > this.#position.revision) this.#position = window.end;
    return undefined;
  }

  /** Reads the page behind the position; a storage that is away is waited for (rule W10). */
  async #read(): Promise<Window | undefined> {
    const backoff = new Backoff();
    for (;;) {
      try {
        if (isTurnUsedUp()) await nextTurn();
        if (this.stopped) return undefined;
        const answer = this.#ask();
        const window = answer instanceof Promise ? await this.#unlessStopped(answer) : answer;
        if (window === undefined || this.stopped) return undefined;
        if (backoff.attempts > 0)
          this.#stored.context.emit("reconnected", "a watcher goes on", { bucket: this.#stored.storage.name });
        this.#checkPast(window.head);
        this.#window = window;
        this.#index = 0;
        this.#resume = this.#phase === "initial" || !this.#stored.feed.isNear(window.end) ? window.resume : undefined;
        return window;
      } catch (error) {
        if (this.stopped) return undefined;
        if (!isKeyValueError(error, "UNAVAILABLE") && !isKeyValueError(error, "TIMEOUT")) throw error;
        if (backoff.attempts === 0) {
          this.#stored.context.emit("reconnecting", "a watcher waits for the storage", {
            bucket: this.#stored.storage.name,
            error,
          });
        }
        await this.#sleep((resume) => {
          const timer = setTimeout(resume, backoff.next());
          return () => clearTimeout(timer);
        });
        if (this.stopped) return undefined;
      }
    }
  }

  #ask(): Window | Promise<Window> {
    const { filter, initial, metaOnly } = this.#plan;
    const after = this.#position;
    const limit = this.#pageRows;
    if (this.#phase === "live") {
      if (this.#stored.feed.isNear(after)) return this.#stored.feed.tail(after, !metaOnly, limit);
      return this.#stored.feed.read({
        filter,
        after,
        upTo: undefined,
        newestOnly: false,
        values: !metaOnly,
        limit,
        resume: this.#resume,
      });
    }
    return this.#stored.feed.read({
      filter,
      after,
      upTo: this.#line.revision,
      newestOnly: initial === "newest",
      values: !metaOnly,
      limit,
      resume: this.#resume,
    });
  }

  /** Ends the watch when what comes next may be gone, or when the storage has lost what was seen (rules W13, W14). */
  #checkPast(head: Head): void {
    const { initial } = this.#plan;
    const isState = this.#phase === "initial" && (initial === "newest" || head.compactedTo <= this.#line.compactedTo);
    // The newest row of each key tells by itself that the key is deleted no more; older rows need the markers behind them.
    const seen = isState && initial !== "resume" ? this.#line.revision : this.#position.revision;
    checkPast(seen + 1, head);
    if (this.#detectsLoss && head.revision < Math.max(seen, this.#line.revision)) {
      throw historyLost(seen, head.revision);
    }
  }

  /** Waits for an answer of the storage; undefined when the watcher is stopped before it comes. */
  #unlessStopped<T>(answer: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined);
      answer.then(resolve, reject);
    });
  }

  /** Waits until resumed or stopped; not at all when it was stopped before. */
  #sleep(start: (resume: () => void) => () => void): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#interrupt = undefined;
        end();
        resolve();
      };
      const end = start(wake);
      this.#interrupt = wake;
    });
  }
}

/** @throws `REVISION_COMPACTED` when a marker at `next` or later is gone (rule W13) */
export function checkPast(next: number, head: Head): void {
  if (next <= head.compactedTo) throw new RevisionCompactedError(next, head.compactedTo);
}

/** The error of a watcher whose place the storage's log does not reach (rules W5, W14). */
export function historyLost(seen: number, head: number): KeyValueError {
  return new KeyValueError("HISTORY_LOST", `revision ${seen} was seen, but the newest revision is ${head}`);
}
