const first = 50;
const longest = 5000;

/** Growing pauses between attempts, with jitter so that many clients do not come back at once. */
export class Backoff {
  #attempts = 0;

  /** How many pauses were given. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The next pause, in milliseconds. */
  next(): number {
    const pause = Math.min(longest, first * 2 ** this.#attempts);
    this.#attempts += 1;
    return pause * (0.5 + Math.random() / 2);
  }
}
