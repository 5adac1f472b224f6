import type { Call } from "@revkv/api/adapter";
import { textArray } from "./arrays.ts";
import type { Listener } from "./listener.ts";
import type { Announcements } from "./postgres-bucket.ts";
import type { Session } from "./session.ts";
import type { Statement, Statements } from "./statements.ts";

/** The shortest time between two statements that announce changes, in milliseconds. */
const pulseInterval = 3;

/**
 * Announces changes to other processes, after their commit and many at a time: a notification within the transaction
 * would make all commits of the database server wait for each other. What is lost by that, because the process ends in
 * between, watchers find by polling.
 */
export class Channels implements Announcements {
  readonly #statements: Statements;
  readonly #session: Session;
  readonly #listener: Listener;
  readonly #notify: Statement;
  /** What our own listener knows our notifications by. */
  readonly #sender: string;
  readonly #changed: Set<number> = new Set();
  readonly #stop: AbortController = new AbortController();
  #pulsing: Promise<void> | undefined;

  constructor(statements: Statements, session: Session, listener: Listener, sender: string) {
    this.#statements = statements;
    this.#session = session;
    this.#listener = listener;
    this.#sender = sender;
    this.#notify = statements.query.notify;
  }

  changed(bucket: number): void {
    this.#changed.add(bucket);
    this.#pulsing ??= this.#pulse();
  }

  subscribe(bucket: number, wake: () => void, call: Call): Promise<() => void> {
    return this.#listener.subscribe(this.#statements.channel(bucket), wake, call.signal);
  }

  /** Calls who subscribed within this process, and announces the change to others. */
  removed(bucket: number): void {
    this.#listener.wake(this.#statements.channel(bucket));
    this.changed(bucket);
  }

  /** Sends what is still to be announced. */
  async close(): Promise<void> {
    await this.#pulsing;
    this.#stop.abort();
  }

  async #pulse(): Promise<void> {
    try {
      while (this.#changed.size > 0) {
        const channels = [...this.#changed].map((bucket) => this.#statements.channel(bucket));
        this.#changed.clear();
        await this.#session.run(this.#notify, [textArray(channels), this.#sender], { signal: this.#stop.signal });
        if (this.#changed.size > 0) await new Promise((resolve) => setTimeout(resolve, pulseInterval));
      }
    } catch {
      // The connection was lost: nobody hears of these changes but by polling.
    } finally {
      this.#pulsing = undefined;
    }
  }
}
