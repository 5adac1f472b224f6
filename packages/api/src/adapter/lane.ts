import { lateError, PendingCall } from "./call.ts";
import type { ManagerContext } from "./context.ts";
import type { Awaitable, Call } from "./storage.ts";

const resolved = Promise.resolve();

/** How a lane puts items together and sends them. */
export interface LaneOptions<Item, Answer> {
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
  /** Sends a batch; one answer per item, in order. Items without one, of which the first is none, are sent again. */
  readonly send: (items: readonly Item[], call: Call) => Awaitable<readonly Answer[]>;
  /** Takes note of an answer before the caller hears of it, and also when the caller has given up. */
  readonly answered?: (item: Item, answer: Answer) => void;
  /** Takes note that a batch has failed, in the same way. */
  readonly failed?: () => void;
}

/** A call in the lane. There is one for every write: it has no closures but what a signal needs. */
interface Waiting<Item, Answer> {
  readonly item: Item;
  /** When the wait to be sent is over, in milliseconds of the process's own clock. */
  readonly deadline: number;
  readonly resultOf: (item: Item, answer: Answer) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  abort: (() => void) | undefined;
  ended: boolean;
}

/**
 * Puts concurrent calls together: those of one turn of the microtask queue, and those that arrive while a batch is in
 * flight, go as one batch, in the order in which they came. An item has a deadline for being sent and another for being
 * answered; what waits is bounded by what is in flight (rules E3, E5).
 */
export class Lane<Item, Answer> {
  readonly #context: ManagerContext;
  readonly #options: LaneOptions<Item, Answer>;
  #queue: Waiting<Item, Answer>[] = [];
  #inFlight = 0;
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;
  /** Bound once, since every call has it called. */
  readonly #flush: () => void;

  constructor(context: ManagerContext, options: LaneOptions<Item, Answer>) {
    this.#context = context;
    this.#options = options;
    this.#flush = () => {
      this.#flushing = false;
      while (this.#inFlight < this.#options.inFlight && this.#queue.length > 0) this.#send(this.#take());
      this.#watchDeadline();
    };
  }

  /**
   * Queues an item, and gives what `resultOf` makes of its answer, or throws. Rejects also with `TIMEOUT`,
   * `OUTCOME_UNKNOWN`, the storage's error, or the signal's reason.
   */
  submit<Result>(
    item: Item,
    signal: AbortSignal | undefined,
    resultOf: (item: Item, answer: Answer) => Result,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const waiting: Waiting<Item, Answer> = {
        item,
        deadline: performance.now() + this.#context.timeout,
        resultOf,
        resolve: resolve as (result: unknown) => void,
        reject,
        signal,
        abort: undefined,
        ended: false,
      };
      if (signal !== undefined) {
        waiting.abort = () => this.#fail(waiting, signal.reason);
        signal.addEventListener("abort", waiting.abort);
      }
      this.#context.began();
      this.#queue.push(waiting);
      this.#flushSoon();
    });
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    if (this.#inFlight >= this.#options.inFlight) {
      this.#watchDeadline();
      return;
    }
    this.#flushing = true;
    // In half the time of `queueMicrotask`, which keeps track of who has called it.
    void resolved.then(this.#flush);
  }

  /** Takes the next batch from the queue, leaving out those that gave up. */
  #take(): Waiting<Item, Answer>[] {
    const queue = this.#queue;
    if (queue.length === 1 && queue[0]?.ended === false) {
      this.#queue = [];
      return queue;
    }
    const batch: Waiting<Item, Answer>[] = [];
    let count = 0;
    let bytes = 0;
    let taken = 0;
    for (const waiting of queue) {
      if (!waiting.ended) {
        count += this.#options.count(waiting.item);
        bytes += this.#options.bytes(waiting.item);
        if (batch.length > 0 && (count > this.#options.maxCount || bytes > this.#options.maxBytes)) break;
        batch.push(waiting);
      }
      taken += 1;
    }
    this.#queue = queue.slice(taken);
    return batch;
  }

  #send(batch: readonly Waiting<Item, Answer>[]): void {
    if (batch.length === 0) return;
    const { send, writes } = this.#options;
    const call = new PendingCall();
    const fail = (reason: unknown): void => {
      for (const waiting of batch) this.#fail(waiting, reason);
    };
    let answer: Awaitable<readonly Answer[]>;
    try {
      answer = send(
        batch.map((waiting) => waiting.item),
        call,
      );
    } catch (error) {
      fail(this.#context.translate(error, writes));
      return;
    }
    if (!(answer instanceof Promise)) {
      this.#note(batch, answer);
      this.#settle(batch, answer);
      return;
    }
    this.#inFlight += 1;
    // The callers get their answer at the deadline; the next batch goes out only when the storage is done with this one.
    call.begin(this.#context.deadlines, writes, fail);
    answer.then(
      (answers) => {
        call.answered();
        this.#note(batch, answers);
        if (answers.length < batch.length) this.#queue.unshift(...batch.slice(answers.length));
        this.#settle(batch, answers);
        this.#done();
      },
      (error: unknown) => {
        call.answered();
        this.#options.failed?.();
        fail(call.meaningOf(this.#context.translate(error, writes)));
        this.#done();
      },
    );
  }

  #done(): void {
    this.#inFlight -= 1;
    if (this.#queue.length > 0 || this.#timer !== undefined) this.#flushSoon();
  }

  #note(batch: readonly Waiting<Item, Answer>[], answers: readonly Answer[]): void {
    const { answered } = this.#options;
    if (answered === undefined) return;
    for (let index = 0; index < answers.length; index += 1) {
      answered((batch[index] as Waiting<Item, Answer>).item, answers[index] as Answer);
    }
  }

  #settle(batch: readonly Waiting<Item, Answer>[], answers: readonly Answer[]): void {
    for (let index = 0; index < answers.length; index += 1) {
      const waiting = batch[index] as Waiting<Item, Answer>;
      if (!this.#end(waiting)) continue;
      try {
        waiting.resolve(waiting.resultOf(waiting.item, answers[index] as Answer));
      } catch (error) {
        waiting.reject(error);
      }
    }
  }

  #fail(waiting: Waiting<Item, Answer>, reason: unknown): void {
    if (this.#end(waiting)) waiting.reject(reason);
  }

  /** Ends a wait; false when it had ended. */
  #end(waiting: Waiting<Item, Answer>): boolean {
    if (waiting.ended) return false;
    waiting.ended = true;
    if (waiting.abort !== undefined) waiting.signal?.removeEventListener("abort", waiting.abort);
    this.#context.ended();
    return true;
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
          this.#fail(waiting, late);
        }
        this.#queue = this.#queue.filter((waiting) => !waiting.ended);
        this.#watchDeadline();
      },
      Math.max(0, first.deadline - performance.now()),
    );
  }
}
