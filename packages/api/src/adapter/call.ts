import { isKeyValueError, KeyValueError } from "../errors.ts";
import type { Call } from "./storage.ts";

/** One wait for the storage: ends by its answer, by the deadline, or by the caller's signal, whichever comes first. */
export class PendingCall implements Call {
  #lazy: AbortController | undefined;
  #listener: ((reason: unknown) => void) | undefined;
  /** Why the caller gave up; undefined while it has not. */
  #end: { readonly reason: unknown } | undefined;
  readonly isBackground: boolean;
  #timer: NodeJS.Timeout | undefined;

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
    this.#listener = listener;
    if (this.#end !== undefined) listener(this.#end.reason);
  }

  progressed(): void {
    if (this.#end === undefined) this.#timer?.refresh();
  }

  #giveUp(reason: unknown): void {
    this.#end ??= { reason };
    this.#listener?.(reason);
  }

  /**
   * Waits for an answer that did not come at once; when the wait ends without it, the storage is told by the signal. At
   * the deadline the storage has one turn of the event loop to say that it had not begun, by `TIMEOUT`, so that a write
   * need not be of unknown outcome (rule M10).
   *
   * @throws the signal's reason, or what `late` makes (rule E3)
   */
  wait<T>(answer: Promise<T>, timeout: number, late: () => KeyValueError, signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const give = (reason: unknown): void => {
        reject(reason);
        end();
        this.#controller.abort(reason);
        this.#giveUp(reason);
      };
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        this.#lazy?.abort(late());
        this.#giveUp(late());
        setImmediate(give, late());
      }, timeout);
      if (this.isBackground) timer.unref();
      this.#timer = timer;
      const abort = (): void => give(signal?.reason);
      const end = (): void => {
        clearTimeout(timer);
        this.#timer = undefined;
        signal?.removeEventListener("abort", abort);
      };
      signal?.addEventListener("abort", abort);
      answer.then(
        (value) => {
          end();
          resolve(value);
        },
        (error: unknown) => {
          end();
          // What a driver makes of the abort says nothing; only that nothing was sent is worth knowing.
          reject(isLate && !isKeyValueError(error, "TIMEOUT") ? late() : error);
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
    promise.then(resolve, reject);
  });
}

/** The error of a step that the storage did not answer in time (rules E3, M10). */
export function lateError(timeout: number, sent: boolean): KeyValueError {
  return sent
    ? new KeyValueError("OUTCOME_UNKNOWN", `the write was sent, but not answered within ${timeout} ms`)
    : new KeyValueError("TIMEOUT", `no answer within ${timeout} ms`);
}
