import { everyKey } from "../filter.ts";
import { unlessAborted } from "./call.ts";
import type { ManagerContext } from "./context.ts";
import type { Position, Row } from "./row.ts";
import type { Awaitable, BucketStorage, Head, LogPage, LogQuery } from "./storage.ts";
import type { Unit, Write } from "./write.ts";

/** The longest delay of a timer, in milliseconds. */
const longestTimeout = 2 ** 31 - 1;

/** A page of the log that was read, with the state of the bucket's wake-ups at that time. */
export interface Window {
  /** The page begins behind this revision. */
  readonly from: number;
  readonly rows: readonly Row[];
  readonly end: Position;
  readonly done: boolean;
  readonly head: Head;
  readonly resume: unknown;
  readonly withValues: boolean;
  readonly version: number;
  /** When the first of the rows expires; undefined when none does. */
  readonly expiresAt: number | undefined;
  /** The same by this process's own clock, where the storage's cannot be read without I/O. */
  readonly staleAt: number;
}

/** A read of the tail that is in flight. */
interface Reading {
  readonly from: number;
  readonly withValues: boolean;
  readonly version: number;
  /** The highest revision that this manager had written when the read began. */
  readonly written: number;
  readonly window: Promise<Window>;
}

/**
 * The changes of one bucket, for all of its watchers in this process: one subscription, and one read of the log's tail
 * for everybody who has caught up (design: watchers are cursors, not queues).
 *
 * A wake-up makes every window that was read before it invalid, so that no watcher delivers a value that was removed
 * meanwhile (rule W7).
 */
export class Feed {
  readonly #context: ManagerContext;
  readonly #bucket: BucketStorage;
  readonly #waiting: Set<() => void> = new Set();
  #version = 0;
  /** The highest revision seen as head. */
  #head = 0;
  /** The highest revision written by this manager. */
  #written = 0;
  #members = 0;
  #subscription: Promise<() => void> | undefined;
  #tail: Window | undefined;
  #reading: Reading | undefined;
  #poll: NodeJS.Timeout | undefined;
  /** How many reads are in flight. */
  #reads = 0;
  /** What this manager has purged while reads are in flight: keys, and the revisions of their markers. */
  readonly #purged: Map<string, number> = new Map();
  #removals = 0;

  constructor(context: ManagerContext, bucket: BucketStorage) {
    this.#context = context;
    this.#bucket = bucket;
  }

  /** Adds a watcher; when it resolves, no later change goes unannounced. {@link leave} is to be called in any case. */
  join(signal: AbortSignal | undefined): Promise<unknown> {
    this.#members += 1;
    const subscription = this.#subscription ?? this.#subscribe();
    this.#subscription = subscription;
    subscription.catch(() => {
      if (this.#subscription === subscription) this.#subscription = undefined;
    });
    return unlessAborted(subscription, signal);
  }

  /** Subscribes for all watchers; the one that asked first cannot call it off. A failed attempt is not kept. */
  async #subscribe(): Promise<() => void> {
    return this.#context.step((call) => this.#bucket.subscribe(() => this.wake(), call), undefined);
  }

  /** Takes a watcher away; with the last one the subscription ends. */
  leave(): void {
    this.#members -= 1;
    if (this.#members > 0) return;
    this.#tail = undefined;
    this.#subscription?.then(
      (end) => end(),
      () => undefined,
    );
    this.#subscription = undefined;
  }

  /** A write of this manager was carried out: whoever has not read so far looks again. */
  wrote(unit: Unit, revisions: readonly number[]): void {
    let revision = 0;
    for (let index = 0; index < unit.length; index += 1) {
      const { op, key } = unit[index] as Write;
      if (op === "check") continue;
      revision = revisions[index] as number;
      if (op === "purge" && this.#reads > 0) this.#purged.set(key, revision);
    }
    if (revision === 0) return;
    const isBehind = revision <= this.#written;
    this.#written = revision;
    // After a failover that lost writes their revisions are given again (rule W14).
    if (isBehind) this.wake();
    else if (revision > this.#head) this.#resumeAll();
  }

  /** Something was removed by this manager other than by a write: what is being read is to be read again. */
  removed(): void {
    this.#removals += 1;
    this.wake();
  }

  /** Something may have changed: what was read is out of date, and whoever waits looks again. */
  wake(): void {
    this.#version += 1;
    this.#resumeAll();
  }

  #resumeAll(): void {
    if (this.#waiting.size === 0) return;
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
    this.#stopPolling();
  }

  /** Waits for the next wake-up; returns what ends the wait early. Without a deadline (rule E3). */
  wait(resume: () => void): () => void {
    this.#waiting.add(resume);
    // Whoever waits for the next change keeps the process running, also where no poll is needed.
    this.#poll ??= setTimeout(() => this.wake(), this.#context.storage.traits.pollInterval ?? longestTimeout);
    return () => {
      this.#waiting.delete(resume);
      if (this.#waiting.size === 0) this.#stopPolling();
    };
  }

  /** Tells whether nothing that is known has happened since a window was read. */
  isCurrent(window: Window): boolean {
    this.#bucket.look?.();
    if (window.version !== this.#version || window.head.revision < this.#written) return false;
    if (window.expiresAt === undefined) return true;
    const { storage } = this.#context;
    return storage.now === undefined ? performance.now() < window.staleAt : storage.now() < window.expiresAt;
  }

  /**
   * The log behind a position that is near the head, for a watcher that has had its initial set; read once for all who
   * ask for the same.
   */
  tail(after: Position, withValues: boolean, limit: number): Awaitable<Window> {
    const tail = this.#tail;
    // A watcher that has just begun may know of changes by others that have not been announced to us yet.
    const holds = tail !== undefined && tail.from <= after.revision && after.revision <= tail.end.revision;
    if (holds && this.isCurrent(tail) && (tail.withValues || !withValues)) return tail;
    const version = this.#version;
    const written = this.#written;
    const reading = this.#reading;
    if (
      reading !== undefined &&
      reading.version === version &&
      reading.written === written &&
      reading.from === after.revision &&
      (reading.withValues || !withValues)
    ) {
      return reading.window;
    }
    const window = this.read({
      filter: everyKey,
      after,
      upTo: undefined,
      newestOnly: false,
      values: withValues,
      limit,
    });
    if (!(window instanceof Promise)) return this.#keep(window);
    const shared = { from: after.revision, withValues, version, written, window };
    this.#reading = shared;
    const end = (): void => {
      if (this.#reading === shared) this.#reading = undefined;
    };
    window.then(end, end);
    return window.then((read) => this.#keep(read));
  }

  /** Tells whether a position is so near the head that the tail is worth sharing, rather than the filter's own rows. */
  isNear(position: Position): boolean {
    return this.#head - position.revision <= this.#context.storage.traits.pageRows;
  }

  /** Reads a page of the log. */
  read(query: Omit<LogQuery, "maxBytes">): Awaitable<Window> {
    const version = this.#version;
    const ask = { ...query, maxBytes: this.#context.storage.traits.pageBytes };
    const written = this.#written;
    const page = this.#context.attempt((call) => this.#bucket.readLog(ask, call), undefined);
    if (!(page instanceof Promise)) return this.#opened(query, page, version, written);
    const removals = this.#removals;
    this.#reads += 1;
    return page.then(
      (read) => {
        const rows = read.rows.filter((row) => (this.#purged.get(row.key) ?? 0) <= row.revision);
        this.#readEnded();
        if (removals !== this.#removals) return this.read(query);
        return this.#opened(query, { ...read, rows }, version, written);
      },
      (error: unknown) => {
        this.#readEnded();
        throw error;
      },
    );
  }

  #readEnded(): void {
    this.#reads -= 1;
    if (this.#reads === 0) this.#purged.clear();
  }

  #opened(query: Omit<LogQuery, "maxBytes">, page: LogPage, version: number, written: number): Window {
    const { revision } = page.head;
    if (revision < written) {
      // The storage lost what we wrote (rule W14): its log is the one to go by from here.
      this.#written = revision;
      this.#head = revision;
    }
    if (revision <= this.#head) return windowOf(query, page, version);
    this.#head = revision;
    if (version !== this.#version) return windowOf(query, page, version);
    // A head that is new means that every window from before is out of date, whether a wake-up has come or not.
    this.wake();
    return windowOf(query, page, this.#version);
  }

  /** Keeps a window that reaches the head for others who have caught up. */
  #keep(window: Window): Window {
    if (window.done && window.version === this.#version) this.#tail = window;
    return window;
  }

  #stopPolling(): void {
    clearTimeout(this.#poll);
    this.#poll = undefined;
  }
}

function windowOf(query: Omit<LogQuery, "maxBytes">, page: LogPage, version: number): Window {
  let expiresAt: number | undefined;
  for (const row of page.rows) {
    if (row.expiresAt !== undefined && (expiresAt === undefined || row.expiresAt < expiresAt))
      expiresAt = row.expiresAt;
  }
  return {
    from: query.after.revision,
    rows: page.rows,
    end: page.end,
    done: page.done,
    head: page.head,
    resume: page.resume,
    withValues: query.values,
    version,
    expiresAt,
    staleAt: performance.now() + (expiresAt ?? 0) - (page.now ?? 0),
  };
}
