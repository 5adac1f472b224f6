import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import type { Connection } from "./connection.ts";

/**
 * How often a change of another process is looked for where the file system does not tell, in milliseconds: as seldom as
 * rule W11 allows, since waking up is what an idle watcher costs.
 */
const pollInterval = 40;

/**
 * How often, and how many milliseconds apart, a change is looked for when the file system told of one: the log is written
 * first, then synced, and only then the commit can be seen.
 */
const looks = 8;
const lookInterval = 1;

/**
 * Notices what other connections commit, and wakes whoever subscribed. The file system tells of changes of the write-ahead
 * log where it can; what counts is SQLite's own `data_version`, which is also looked at now and then (rule W11).
 */
export class ChangeMonitor {
  readonly #connection: Connection;
  /** The write-ahead log; undefined when there is none to watch. */
  readonly #log: string | undefined;
  readonly #wakes: Set<() => void> = new Set();
  #version = 0;
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;
  #looking: NodeJS.Timeout | undefined;
  #looksLeft = 0;

  constructor(connection: Connection, log: string | undefined) {
    this.#connection = connection;
    this.#log = log;
  }

  /** Wakes after every change from now on; returns what ends it. */
  subscribe(wake: () => void): () => void {
    // Each subscription is a key of its own, also when the same function subscribes twice.
    const subscription = (): void => wake();
    if (this.#wakes.size === 0) this.#start();
    this.#wakes.add(subscription);
    return () => {
      this.#wakes.delete(subscription);
      if (this.#wakes.size === 0) this.stop();
    };
  }

  /** Wakes everybody: something changed through this connection. */
  wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  stop(): void {
    this.#wakes.clear();
    clearInterval(this.#timer);
    clearTimeout(this.#looking);
    this.#timer = undefined;
    this.#looking = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #start(): void {
    this.#version = this.#connection.dataVersion();
    // Whoever waits for a change keeps the process running; a watcher that nobody reads does not (rule W9).
    this.#timer = setInterval(() => this.look(), pollInterval).unref();
    if (this.#log === undefined) return;
    try {
      this.#watcher = watch(this.#log, { persistent: false }, () => this.#lookClosely());
      // Where watching breaks off, looking now and then is enough.
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      // The file system cannot tell, or has no room for another watcher.
    }
  }

  /** Looks until the change that was told of is found. */
  #lookClosely(): void {
    this.#looksLeft = looks;
    if (this.#looking === undefined) this.#lookAgain();
  }

  #lookAgain(): void {
    this.#looking = undefined;
    if (this.#wakes.size === 0 || this.look() || this.#looksLeft === 0) return;
    this.#looksLeft -= 1;
    this.#looking = setTimeout(() => this.#lookAgain(), lookInterval);
  }

  /** Wakes everybody if there was a change; tells whether there was. */
  look(): boolean {
    let version: number;
    try {
      version = this.#connection.dataVersion();
    } catch (error) {
      // What is wrong with the file is for those to find out who read it.
      if (!this.#connection.isBusy(error)) this.wake();
      return false;
    }
    if (version === this.#version) return false;
    this.#version = version;
    this.wake();
    return true;
  }
}
