/** How long synchronous steps may follow each other before others get a turn, in milliseconds. */
const allowance = 5;

/**
 * Keeps an eye on how long this process has worked without a turn of its event loop: a loop that awaits one synchronous
 * step after the other would else keep timers and sockets waiting until its end.
 */
export class Turn {
  #since: number | undefined;

  /** Tells whether the step at hand should wait for {@link next}. */
  isUsedUp(): boolean {
    const now = performance.now();
    if (this.#since === undefined) {
      this.#since = now;
      setImmediate(() => {
        this.#since = undefined;
      }).unref();
    }
    return now - this.#since > allowance;
  }

  /** Resolves when the event loop has turned. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
