import { isKeyValueError } from "../errors.ts";
import { Backoff } from "./backoff.ts";
import type { ManagerContext } from "./context.ts";

/** How many entries one step of the sweeper removes at the most. */
const sweepLimit = 500;

/** How long after a write the sweeper looks at the latest when nothing is planned, in milliseconds (rule T2: within 1 s). */
const lookAfterWrite = 500;

/** Carries out due expiries while the manager is open: one timer, which keeps no process alive (rules T2, W9). */
export class Sweeper {
  readonly #context: ManagerContext;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  /** True while a sweep is planned that is no later than what a write asks for. */
  #isSoon = false;
  #sweeping = false;
  #stopped = false;
  #backoff = new Backoff();

  constructor(context: ManagerContext) {
    this.#context = context;
    this.#planIn(0);
  }

  /** Takes note of a write, whose entry may expire soon. */
  wrote(ttl: number | undefined): void {
    if (ttl === undefined && this.#isSoon) return;
    this.#planIn(Math.min(ttl ?? lookAfterWrite, lookAfterWrite));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Sweeps after this time, unless that is planned for earlier anyway. */
  #planIn(delay: number): void {
    if (this.#stopped) return;
    const due = performance.now() + delay;
    if (this.#timer !== undefined && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#isSoon = delay <= lookAfterWrite;
    this.#timer = setTimeout(() => void this.#sweep(), delay).unref();
  }

  async #sweep(): Promise<void> {
    this.#timer = undefined;
    this.#isSoon = false;
    if (this.#sweeping) {
      // Something was written while the sweep that is under way had looked already.
      this.#planIn(lookAfterWrite);
      return;
    }
    this.#sweeping = true;
    let next: number | undefined;
    try {
      const swept = await this.#context.inBackground((call) => this.#context.storage.sweep(sweepLimit, call));
      this.#backoff = new Backoff();
      next = swept.next;
    } catch (error) {
      next = this.#failed(error);
    } finally {
      this.#sweeping = false;
    }
    if (next !== undefined) this.#planIn(next);
  }

  /** Says when to try again; undefined when there is no use. */
  #failed(error: unknown): number | undefined {
    if (this.#stopped || isKeyValueError(error, "READ_ONLY")) return undefined;
    if (this.#backoff.attempts === 0 && isKeyValueError(error)) {
      this.#context.emit("sweep-failed", "due expiries are not carried out for now", { error });
    }
    return this.#backoff.next();
  }
}
