import type { KeyValueEvent } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { Backoff } from "@revkv/api/adapter";
import type { ListeningConnection } from "./listening-connection.ts";

/** What a listener is given. */
export interface ListenerOptions {
  /** Opens a connection of its own; undefined when none is possible. */
  readonly open: (() => Promise<ListeningConnection>) | undefined;
  /** How often the connection is tested, in milliseconds. */
  readonly heartbeat: number;
  readonly emit: (type: KeyValueEvent["type"], message: string, error?: KeyValueError) => void;
}

interface Waiting {
  readonly channel: string;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Listens on one connection for all watchers of a manager, while there are any. One loop is the connection's only user:
 * it listens to what is wanted, tests the connection now and then, and opens another when it was lost. Whoever
 * subscribed is then woken, since nobody knows what was missed meanwhile.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #wanted: Map<string, Set<() => void>> = new Map();
  #waiting: Waiting[] = [];
  #isRunning = false;
  #isUp = false;
  /** False when it turned out that notifications do not come through here. */
  #isPossible: boolean;
  #poke: (() => void) | undefined;
  #poked = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#isPossible = options.open !== undefined;
  }

  /** True while notifications come. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Calls `wake` after each notification on a channel; when it resolves, none is missed any more. */
  async subscribe(channel: string, wake: () => void, signal: AbortSignal): Promise<() => void> {
    const wakes = this.#wanted.get(channel) ?? new Set();
    this.#wanted.set(channel, wakes.add(wake));
    const unsubscribe = (): void => {
      wakes.delete(wake);
      if (wakes.size > 0 || this.#wanted.get(channel) !== wakes) return;
      this.#wanted.delete(channel);
      this.#nudge();
    };
    try {
      await this.#listening(channel, signal);
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  /** Calls everybody who subscribed to a channel. */
  wake(channel: string): void {
    for (const wake of this.#wanted.get(channel) ?? []) wake();
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#wanted.clear();
    this.#nudge();
  }

  /** Waits until a channel is listened to, or it is known that none can be. */
  #listening(channel: string, signal: AbortSignal): Promise<void> {
    if (!this.#isPossible) {
      this.#tellImpossible();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const waiting = { channel, resolve, reject };
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(new KeyValueError("TIMEOUT", "the connection that listens for changes did not come about in time"));
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiting);
      if (this.#isRunning) this.#nudge();
      else void this.#run();
    });
  }

  /** Keeps a connection while anything is wanted. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    let backoff = new Backoff();
    while (this.#wanted.size > 0 && this.#isPossible) {
      let connection: ListeningConnection | undefined;
      try {
        connection = await this.#options.open?.();
        if (connection === undefined || !(await connection.isNotified())) {
          this.#giveUp();
          break;
        }
        if (backoff.attempts > 0) this.#options.emit("reconnected", "changes are announced again");
        backoff = new Backoff();
        await this.#serve(connection);
      } catch (error) {
        this.#lost(error, backoff.attempts === 0);
        if (this.#wanted.size > 0) await this.#pause(backoff.next());
      } finally {
        this.#isUp = false;
        connection?.close();
      }
    }
    this.#isRunning = false;
    // Somebody may have come while the last connection was being closed.
    if (this.#waiting.length > 0 && this.#isPossible) await this.#run();
  }

  /** Uses a connection until nothing is wanted any more; throws when it is lost. */
  async #serve(connection: ListeningConnection): Promise<void> {
    connection.onNotification = (channel) => this.wake(channel);
    connection.onLost = () => this.#nudge();
    const listening = new Set<string>();
    let isNew = true;
    while (this.#wanted.size > 0) {
      const missing = [...this.#wanted.keys()].filter((channel) => !listening.has(channel));
      const left = [...listening].filter((channel) => !this.#wanted.has(channel));
      await connection.listen(missing, left);
      for (const channel of missing) listening.add(channel);
      for (const channel of left) listening.delete(channel);
      this.#isUp = true;
      if (isNew) for (const channel of listening) this.wake(channel);
      isNew = false;
      const isServed = ({ channel }: Waiting): boolean => listening.has(channel);
      const served = this.#waiting.filter(isServed);
      this.#waiting = this.#waiting.filter((waiting) => !isServed(waiting));
      for (const { resolve } of served) resolve();
      const isIdle = await this.#pause(this.#options.heartbeat);
      if (isIdle || connection.isLost) await connection.test(listening.size);
    }
  }

  /** Waits; returns false when it was nudged before the time was over. */
  #pause(delay: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isIdle: boolean): void => {
        clearTimeout(timer);
        this.#poke = undefined;
        this.#poked = false;
        resolve(isIdle);
      };
      const timer = setTimeout(end, delay, true).unref();
      this.#poke = () => end(false);
      if (this.#poked) end(false);
    });
  }

  #nudge(): void {
    this.#poked = true;
    this.#poke?.();
  }

  #lost(error: unknown, isFirst: boolean): void {
    const reason =
      error instanceof KeyValueError
        ? error
        : new KeyValueError("UNAVAILABLE", "the connection was lost", { cause: error });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(reason);
    if (isFirst && this.#wanted.size > 0) {
      this.#options.emit("notifications-lost", "changes of others are found by polling for now", reason);
    }
  }

  #giveUp(): void {
    this.#isPossible = false;
    this.#tellImpossible();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve();
  }

  #tellImpossible(): void {
    this.#options.emit(
      "notifications-lost",
      "notifications do not come through this connection: changes of others are found by polling; give a direct listenConnectionString",
    );
  }
}
