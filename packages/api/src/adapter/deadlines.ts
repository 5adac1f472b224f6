/** A wait that ends at its deadline unless it has ended before; linked with those that end before and after it. */
export interface Wait {
  /** When it is over, in milliseconds of the process's own clock. */
  deadline: number;
  previous: Wait | undefined;
  next: Wait | undefined;
  /** True when it is to keep no process running (rule W9). */
  readonly isBackground: boolean;
  /** Called at the deadline. */
  late(): void;
}

/**
 * The deadlines of a manager's waits, which all are as long (rule E3): one timer for all of them, since one for each would
 * be a tenth of what a call takes. When nothing is waited for it is left alone, and keeps no process running.
 */
export class Deadlines {
  /** How long a wait is, in milliseconds. */
  readonly timeout: number;
  #first: Wait | undefined;
  #last: Wait | undefined;
  /** How many keep the process running. */
  #foreground = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeout: number) {
    this.timeout = timeout;
  }

  begin(wait: Wait): void {
    this.#append(wait);
    if (!wait.isBackground) this.#foreground += 1;
    if (this.#timer === undefined) this.#ringIn(this.timeout);
    else if (this.#foreground === 1) this.#timer.ref();
  }

  /** Gives a wait that has not ended its whole time again. */
  renew(wait: Wait): void {
    if (this.#remove(wait)) this.#append(wait);
  }

  end(wait: Wait): void {
    if (!this.#remove(wait) || wait.isBackground) return;
    this.#foreground -= 1;
    if (this.#foreground === 0) this.#timer?.unref();
  }

  #append(wait: Wait): void {
    wait.deadline = performance.now() + this.timeout;
    wait.previous = this.#last;
    if (this.#last === undefined) this.#first = wait;
    else this.#last.next = wait;
    this.#last = wait;
  }

  /** False when it had ended. */
  #remove(wait: Wait): boolean {
    const { previous, next } = wait;
    if (previous === undefined && this.#first !== wait) return false;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    wait.previous = undefined;
    wait.next = undefined;
    return true;
  }

  #ringIn(delay: number): void {
    this.#timer = setTimeout(() => this.#ring(), delay);
    if (this.#foreground === 0) this.#timer.unref();
  }

  #ring(): void {
    const now = performance.now();
    try {
      for (let first = this.#first; first !== undefined && first.deadline <= now; first = this.#first) {
        this.end(first);
        first.late();
      }
    } finally {
      // Not before: what is begun meanwhile is later than what is there.
      this.#timer = undefined;
      if (this.#first !== undefined) this.#ringIn(Math.max(0, Math.ceil(this.#first.deadline - now)));
    }
  }
}
