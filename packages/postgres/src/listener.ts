import { setTimeout as delay } from "node:timers/promises";
import type { KeyValueEvent } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import { Backoff } from "@revkv/api/adapter";
import type { ListeningConnection } from "./listening-connection.ts";
import { translateError } from "./translate-error.ts";

/** How long until it is tried again where notifications cannot come, in milliseconds: a standby may be promoted. */
const retryInterval = 60_000;

/** What a listener is given. */
export interface ListenerOptions {
  /** Makes a connection of its own, not yet connected; undefined when it is not known how. */
  readonly open: (() => ListeningConnection) | undefined;
  /** How often the connection is tested, in milliseconds. */
  readonly heartbeat: number;
  readonly emit: (type: KeyValueEvent["type"], message: string, error?: KeyValueError) => void;
}

/**
 * Listens on one connection for all watchers of a manager, while there are any. One loop is the connection's only user:
 * it listens to what is wanted, tests the connection now and then, and opens another when it was lost. Nobody waits for
 * it: whoever subscribed is woken when notifications begin to come, since nobody knows what was missed before, and polls
 * more often while they do not come.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #wanted: Map<string, Set<() => void>> = new Map();
  #isRunning = false;
  #isUp = false;
  /** Whether the application was told that notifications do not come. */
  #isTold = false;
  #backoff = new Backoff();
  #connection: ListeningConnection | undefined;
  /** Ends the wait for the next heartbeat: there is something to do. */
  #nudge: () => void = () => undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** True while notifications come. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Calls `wake` after each notification on a channel, and whenever some may have been missed. */
  subscribe(channel: string, wake: () => void): () => void {
    const wakes = this.#wanted.get(channel) ?? new Set();
    this.#wanted.set(channel, wakes.add(wake));
    if (this.#isRunning) this.#nudge();
    else void this.#run();
    return () => {
      wakes.delete(wake);
      if (wakes.size > 0 || this.#wanted.get(channel) !== wakes) return;
      this.#wanted.delete(channel);
      this.#nudge();
    };
  }

  /** Calls everybody who subscribed to a channel. */
  wake(channel: string): void {
    for (const wake of this.#wanted.get(channel) ?? []) wake();
  }

  /** Ends all subscriptions, and what is under way. */
  close(): void {
    this.#wanted.clear();
    this.#connection?.close();
    this.#nudge();
  }

  /** Keeps a connection while anything is wanted. */
  async #run(): Promise<void> {
    const { open } = this.#options;
    if (open === undefined) {
      this.#lost(
        new KeyValueError("UNSUPPORTED", "the pool does not tell how it connects: give a listenConnectionString"),
      );
      return;
    }
    this.#isRunning = true;
    while (this.#wanted.size > 0) {
      const connection = open();
      this.#connection = connection;
      let pause = 0;
      try {
        await this.#serve(connection);
      } catch (error) {
        const isPossible = !isKeyValueError(error, "UNSUPPORTED");
        pause = isPossible ? this.#backoff.next() : retryInterval;
        this.#lost(translateError(error, false));
      } finally {
        this.#isUp = false;
        connection.close();
      }
      if (this.#wanted.size > 0) await delay(pause, undefined, { ref: false });
    }
    this.#isRunning = false;
  }

  /** Uses a connection until nothing is wanted any more; throws when it is lost. */
  async #serve(connection: ListeningConnection): Promise<void> {
    connection.onNotification = (channel) => this.wake(channel);
    connection.onLost = () => this.#nudge();
    await connection.connect();
    const listening = new Set<string>();
    while (this.#wanted.size > 0) {
      connection.check();
      const missing = [...this.#wanted.keys()].filter((channel) => !listening.has(channel));
      const left = [...listening].filter((channel) => !this.#wanted.has(channel));
      if (missing.length > 0 || left.length > 0) {
        await connection.listen(missing, left);
        for (const channel of missing) listening.add(channel);
        for (const channel of left) listening.delete(channel);
        this.#found();
        for (const channel of missing) this.wake(channel);
      } else if (await this.#isIdle()) await connection.test(listening.size);
    }
  }

  /** Waits for something to do; tells whether the time for a heartbeat came first. */
  #isIdle(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.heartbeat, true).unref();
      this.#nudge = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
  }

  #found(): void {
    this.#isUp = true;
    this.#backoff = new Backoff();
    if (!this.#isTold) return;
    this.#isTold = false;
    this.#tell("reconnected", "changes are announced again");
  }

  #lost(reason: KeyValueError): void {
    this.#isUp = false;
    // Those who wait are to poll from now on.
    for (const channel of this.#wanted.keys()) this.wake(channel);
    if (this.#isTold || this.#wanted.size === 0) return;
    this.#isTold = true;
    this.#tell("notifications-lost", `changes of others are found by polling for now: ${reason.message}`, reason);
  }

  /** What the application's callback throws is its own affair. */
  #tell(type: KeyValueEvent["type"], message: string, error?: KeyValueError): void {
    queueMicrotask(() => this.#options.emit(type, message, error));
  }
}
