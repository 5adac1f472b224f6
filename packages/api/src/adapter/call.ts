import { isKeyValueError, KeyValueError } from "../errors.ts";
import type { Deadlines, Wait } from "./deadlines.ts";
import type { Call } from "./storage.ts";

/** One wait for the storage: ends by its answer, by the deadline, or by the caller's signal, whichever comes first. */
export class PendingCall implements Call, Wait {
  #lazy: AbortController | undefined;
  readonly #listeners: ((reason: unknown) => void)[] = [];
  /** Why the caller gave up; undefined while it has not. */
  #end: { readonly reason: unknown } | undefined;
  readonly isBackground: boolean;
  deadline = 0;
  previous: Wait | undefined;
  next: Wait | undefined;
  #deadlines: Deadlines | undefined;
  #written = false;
  #fail: ((reason: unknown) => void) | undefined;
  #isLate = false;

  constructor(isBackground = false) {
    this.isBackground = isBackground;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Made when it is first needed: most calls end by their answer, and many storages need no signal. */
  get #controller(): AbortController {
    this.#lazy ??= new AbortController();
    return this.#lazy;
  }

  onGivenUp(listener: (reason: unknown) => void): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else listener(this.#end.reason);
  }

  offGivenUp(listener: (reason: unknown) => void): void {
    const index = this.#listeners.indexOf(listener);
    if (index >= 0) this.#listeners.splice(index, 1);
  }

  progressed(): void {
    this.#deadlines?.renew(this);
  }

  #giveUp(reason: unknown): void {
    this.#end ??= { reason };
    for (const listener of this.#listeners.splice(0)) listener(reason);
  }

  /**
   * Begins the wait for an answer that did not come at once; {@link answered} or {@link abandon} ends it, or the deadline,
   * by `fail`. Before that the storage has one turn of the event loop to say that it had not begun, so that a write need
   * not be of unknown outcome (rule M10).
   *
   * @param written - whether it may have taken effect
   */
  begin(deadlines: Deadlines, written: boolean, fail: (reason: unknown) => void): void {
    this.#deadlines = deadlines;
    this.#written = written;
    this.#fail = fail;
    deadlines.begin(this);
  }

  late(): void {
    const late = this.#lateError();
    this.#isLate = true;
    this.#lazy?.abort(late);
    this.#giveUp(late);
    setImmediate(() => {
      // What is in an answer that has come in this turn may be waited for anew.
      if (this.#fail === undefined) return;
      this.#fail(late);
      this.abandon(late);
    });
  }

  #lateError(): KeyValueError {
    return lateError(this.#deadlines?.timeout ?? 0, this.#written);
  }

  /** Ends the wait, since the answer is there. */
  answered(): void {
    this.#fail = undefined;
    this.#deadlines?.end(this);
  }

  /** Ends the wait without an answer: the storage is told by the signal. */
  abandon(reason: unknown): void {
    this.answered();
    this.#controller.abort(reason);
    this.#giveUp(reason);
  }

  /** What a driver makes of the abort at the deadline says nothing; only that nothing was sent is worth knowing. */
  meaningOf<E>(error: E): E | KeyValueError {
    return this.#isLate && !isKeyValueError(error, "TIMEOUT") ? this.#lateError() : error;
  }

  /**
   * Waits for an answer that did not come at once.
   *
   * @throws the signal's reason, or an error that says that it came too late (rule E3)
   */
  wait<T>(answer: Promise<T>, deadlines: Deadlines, written: boolean, signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = (): void => {
        this.answered();
        signal?.removeEventListener("abort", abort);
      };
      const fail = (reason: unknown): void => {
        reject(reason);
        end();
      };
      const abort = (): void => {
        fail(signal?.reason);
        this.abandon(signal?.reason);
      };
      signal?.addEventListener("abort", abort);
      this.begin(deadlines, written, fail);
      answer.then(
        (value) => {
          end();
          resolve(value);
        },
        (error: unknown) => {
          end();
          reject(this.meaningOf(error));
        },
      );
    });
  }
}

/** Waits for what others wait for too, until the signal is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      end();
      reject(signal.reason);
    };
    const end = (): void => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    promise.then(resolve, reject);
    promise.then(end, end);
  });
}

/** The same until a call is given up; of the calls of the kit without making a signal. */
export function unlessGivenUp<T>(promise: Promise<T>, call: Call): Promise<T> {
  if (call.onGivenUp === undefined) return unlessAborted(promise, call.signal);
  return new Promise<T>((resolve, reject) => {
    call.onGivenUp?.(reject);
    promise.then(
      (value) => {
        call.offGivenUp?.(reject);
        resolve(value);
      },
      (error: unknown) => {
        call.offGivenUp?.(reject);
        reject(error);
      },
    );
  });
}

/** The error of a step that the storage did not answer in time (rules E3, M10). */
export function lateError(timeout: number, sent: boolean): KeyValueError {
  return sent
    ? new KeyValueError("OUTCOME_UNKNOWN", `the write was sent, but not answered within ${timeout} ms`)
    : new KeyValueError("TIMEOUT", `no answer within ${timeout} ms`);
}
