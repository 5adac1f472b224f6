import type { KeyValueError } from "../errors.ts";
import { lateError, PendingCall } from "./call.ts";
import type { ManagerContext } from "./context.ts";
import type { Awaitable, Call } from "./storage.ts";

/** How a lane puts items together and sends them. */
export interface LaneOptions<Item, Result> {
  /** How many batches are in flight at a time. */
  readonly inFlight: number;
  /** The most that the counts of a batch add up to, but for a batch of one item. */
  readonly maxCount: number;
  /** The most bytes that a batch has, but for a batch of one item. */
  readonly maxBytes: number;
  readonly count: (item: Item) => number;
  readonly bytes: (item: Item) => number;
  /** True when a batch that was sent and not answered may have taken effect (rule M10). */
  readonly writes: boolean;
  /** Sends a batch; one result per item, in order. Items without one, of which the first is none, are sent again. */
  readonly send: (items: readonly Item[], call: Call) => Awaitable<readonly Result[]>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  /** When the wait to be sent is over, in milliseconds of the process's own clock. */
  readonly deadline: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
  ended: boolean;
}

/**
 * Puts concurrent calls together: those of one turn of the microtask queue, and those that arrive while a batch is in
 * flight, go as one batch, in the order in which they came. An item has a deadline for being sent and another for being
 * answered; what waits is bounded by what is in flight (rules E3, E5).
 */
export class Lane<Item, Result> {
  readonly #context: ManagerContext;
  readonly #options: LaneOptions<Item, Result>;
  #queue: Waiting<Item, Result>[] = [];
  #inFlight = 0;
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: ManagerContext, options: LaneOptions<Item, Result>) {
    this.#context = context;
    this.#options = options;
  }

  /** Queues an item; rejects with `TIMEOUT`, `OUTCOME_UNKNOWN`, the storage's error, or the signal's reason. */
  submit(item: Item, signal: AbortSignal | undefined): Promise<Result> {
    const result = new Promise<Result>((resolve, reject) => {
      const abort = (): void => waiting.reject(signal?.reason);
      const end = (): boolean => {
        if (waiting.ended) return false;
        waiting.ended = true;
        signal?.removeEventListener("abort", abort);
        return true;
      };
      const waiting: Waiting<Item, Result> = {
        item,
        deadline: performance.now() + this.#context.timeout,
        resolve: (value) => end() && resolve(value),
        reject: (reason) => end() && reject(reason),
        ended: false,
      };
      signal?.addEventListener("abort", abort);
      this.#queue.push(waiting);
    });
    this.#flushSoon();
    return this.#context.track(result);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    if (this.#inFlight >= this.#options.inFlight) {
      this.#watchDeadline();
      return;
    }
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      while (this.#inFlight < this.#options.inFlight && this.#queue.length > 0) this.#send(this.#take());
      this.#watchDeadline();
    });
  }

  /** Takes the next batch from the queue, leaving out those that gave up. */
  #take(): Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = [];
    let count = 0;
    let bytes = 0;
    let taken = 0;
    for (const waiting of this.#queue) {
      if (!waiting.ended) {
        count += this.#options.count(waiting.item);
        bytes += this.#options.bytes(waiting.item);
        if (batch.length > 0 && (count > this.#options.maxCount || bytes > this.#options.maxBytes)) break;
        batch.push(waiting);
      }
      taken += 1;
    }
    this.#queue = this.#queue.slice(taken);
    return batch;
  }

  #send(batch: readonly Waiting<Item, Result>[]): void {
    if (batch.length === 0) return;
    const { send, writes } = this.#options;
    const { timeout } = this.#context;
    const call = new PendingCall();
    let answer: Awaitable<readonly Result[]>;
    try {
      const items = batch.map((waiting) => waiting.item);
      answer = this.#context.ask((asked) => send(items, asked), call, writes);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
      return;
    }
    if (!(answer instanceof Promise)) {
      settle(batch, answer);
      return;
    }
    this.#inFlight += 1;
    // The callers get their answer at the deadline; the next batch goes out only when the storage is done with this one.
    const done = (): void => {
      this.#inFlight -= 1;
      this.#flushSoon();
    };
    answer.then((results) => {
      this.#queue.unshift(...batch.slice(results.length));
      done();
    }, done);
    call
      .wait(answer, timeout, () => lateError(timeout, writes), undefined)
      .then(
        (results) => settle(batch, results),
        (error: KeyValueError) => {
          for (const waiting of batch) waiting.reject(error);
        },
      );
  }

  /** Ends the wait of those that could not be sent in time: one timer, for the first in the queue. */
  #watchDeadline(): void {
    const [first] = this.#queue;
    if (first === undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        const now = performance.now();
        const late = lateError(this.#context.timeout, false);
        for (const waiting of this.#queue) {
          if (waiting.deadline > now) break;
          waiting.reject(late);
        }
        this.#queue = this.#queue.filter((waiting) => !waiting.ended);
        this.#watchDeadline();
      },
      Math.max(0, first.deadline - performance.now()),
    );
  }
}

function settle<Item, Result>(batch: readonly Waiting<Item, Result>[], results: readonly Result[]): void {
  results.forEach((result, index) => {
    batch[index]?.resolve(result);
  });
}
