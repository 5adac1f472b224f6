import { setTimeout as delay } from "node:timers/promises";
import { textArray } from "./arrays.ts";
import type { Listener } from "./listener.ts";
import type { Announcements } from "./postgres-bucket.ts";
import type { Session } from "./session.ts";
import type { Statements } from "./statements.ts";

/** The shortest time between two announcements, in milliseconds: what changes meanwhile goes with the next. */
const pulseInterval = 5;

/**
 * Announces changes to other processes, after their commit and many at a time: a notification within the transaction
 * would make all commits of the database server wait for each other. What is lost by that, because the process or the
 * connection ends in between, watchers find by polling.
 */
export class Channels implements Announcements {
  readonly #statements: Statements;
  readonly #session: Session;
  readonly #listener: Listener;
  /** What our own listener knows our notifications by. */
  readonly #sender: string;
  readonly #timeout: number;
  readonly #changed: Set<number> = new Set();
  #pulsing: Promise<void> | undefined;
  /** When the next announcement may go out, by the process's own clock. */
  #next = 0;

  /** `timeout` is how long an announcement may wait for the server, in milliseconds. */
  constructor(statements: Statements, session: Session, listener: Listener, sender: string, timeout: number) {
    this.#statements = statements;
    this.#session = session;
    this.#listener = listener;
    this.#sender = sender;
    this.#timeout = timeout;
  }

  changed(bucket: number): void {
    this.#changed.add(bucket);
    this.#pulsing ??= this.#pulse();
  }

  async subscribe(bucket: number, wake: () => void): Promise<() => void> {
    return this.#listener.subscribe(this.#statements.channel(bucket), wake);
  }

  /** Calls who subscribed within this process, and announces the change to others. */
  removed(bucket: number): void {
    this.#listener.wake(this.#statements.channel(bucket));
    this.changed(bucket);
  }

  /** Waits until what was changed is announced; nothing may change any more. */
  async close(): Promise<void> {
    await this.#pulsing;
  }

  async #pulse(): Promise<void> {
    while (this.#changed.size > 0) {
      const wait = this.#next - performance.now();
      if (wait > 0) await delay(wait);
      this.#next = performance.now() + pulseInterval;
      const channels = [...this.#changed].map((bucket) => this.#statements.channel(bucket));
      this.#changed.clear();
      const call = { signal: AbortSignal.timeout(this.#timeout) };
      try {
        await this.#session.run(this.#statements.query.notify, [textArray(channels), this.#sender], call);
      } catch {
        // Nobody hears of these changes but by polling.
      }
    }
    this.#pulsing = undefined;
  }
}
