import { isKeyValueError, KeyValueError } from "../errors.ts";
import type { KeyValueEvent } from "../events.ts";
import { PendingCall } from "./call.ts";
import { Deadlines } from "./deadlines.ts";
import type { Awaitable, Call, Storage } from "./storage.ts";

/** What all parts of one manager share: the storage, the deadline, and whether it is closed. */
export class ManagerContext<Engine extends Pick<Storage, "translateError"> = Storage> {
  readonly storage: Engine;
  /** How long one step may wait for the storage, in milliseconds. */
  readonly timeout: number;
  readonly deadlines: Deadlines;
  readonly #onEvent: ((event: KeyValueEvent) => void) | undefined;
  /** How many calls are in flight. */
  #calls = 0;
  #onIdle: (() => void) | undefined;
  #closed = false;

  constructor(storage: Engine, timeout: number, onEvent: ((event: KeyValueEvent) => void) | undefined) {
    this.storage = storage;
    this.timeout = timeout;
    this.deadlines = new Deadlines(timeout);
    this.#onEvent = onEvent;
  }

  /** Refuses every later call (rule E4). */
  close(): void {
    this.#closed = true;
  }

  /** @throws `CLOSED`, or the reason of a signal that is aborted already */
  admit(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new KeyValueError("CLOSED", "the manager is closed");
    if (signal?.aborted) throw signal.reason;
  }

  /**
   * Carries out one step on the storage, within the deadline; an answer that is no promise is passed on at once. Closing
   * waits for it.
   */
  step<T>(start: (call: Call) => Awaitable<T>, signal: AbortSignal | undefined, written = false): Awaitable<T> {
    const answer = this.attempt(start, signal, written);
    return answer instanceof Promise ? this.track(answer) : answer;
  }

  /** A write of the manager's own, which no caller waits for: it keeps no process running (rule W9). */
  inBackground<T>(start: (call: Call) => Awaitable<T>): Awaitable<T> {
    const call = new PendingCall(true);
    const answer = this.ask(start, call, true);
    return answer instanceof Promise ? this.track(this.#bounded(answer, call, undefined, true)) : answer;
  }

  /** Waits for an answer that did not come at once, as {@link step} does. */
  later<T>(answer: Promise<T>, call: PendingCall, signal: AbortSignal | undefined, written: boolean): Promise<T> {
    return this.track(this.#bounded(this.#translated(answer, written), call, signal, written));
  }

  /** A step that closing does not wait for, since whoever asked has been stopped by then: a watcher's. */
  attempt<T>(start: (call: Call) => Awaitable<T>, signal: AbortSignal | undefined, written = false): Awaitable<T> {
    const call = new PendingCall();
    const answer = this.ask(start, call, written);
    return answer instanceof Promise ? this.#bounded(answer, call, signal, written) : answer;
  }

  #bounded<T>(answer: Promise<T>, call: PendingCall, signal: AbortSignal | undefined, written: boolean): Promise<T> {
    return call.wait(answer, this.deadlines, written, signal);
  }

  /** Asks the storage; what it throws becomes an error of ours (rule E1). */
  ask<T>(start: (call: Call) => Awaitable<T>, call: Call, written: boolean): Awaitable<T> {
    let answer: Awaitable<T>;
    try {
      answer = start(call);
    } catch (error) {
      throw this.translate(error, written);
    }
    return answer instanceof Promise ? this.#translated(answer, written) : answer;
  }

  #translated<T>(answer: Promise<T>, written: boolean): Promise<T> {
    return answer.catch((error: unknown) => {
      throw this.translate(error, written);
    });
  }

  translate(error: unknown, written: boolean): KeyValueError {
    return isKeyValueError(error) ? error : this.storage.translateError(error, written);
  }

  /** Counts a call in flight until it ends, so that `close()` can wait for it (rule E4). */
  track<T>(call: Promise<T>): Promise<T> {
    this.began();
    const ended = (): void => this.ended();
    call.then(ended, ended);
    return call;
  }

  /** The same for a caller that tells by {@link ended} when its call ends. */
  began(): void {
    this.#calls += 1;
  }

  ended(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#onIdle?.();
  }

  /** Resolves when no call is in flight any more, or at the deadline (rule E4). */
  async settledInTime(): Promise<void> {
    if (this.#calls === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.timeout);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Tells the application; what its callback throws is its own affair and must not break ours. */
  emit(type: KeyValueEvent["type"], message: string, about: Partial<Pick<KeyValueEvent, "bucket" | "error">>): void {
    try {
      this.#onEvent?.({ type, message, bucket: about.bucket, error: about.error });
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
