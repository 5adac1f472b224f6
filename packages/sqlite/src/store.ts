import type { Awaitable, Call } from "@revkv/api/adapter";
import { ChangeMonitor } from "./change-monitor.ts";
import type { Connection } from "./connection.ts";

/** One way to a database: what all buckets of a manager share. */
export class Store {
  readonly connection: Connection;
  readonly prefix: string;
  readonly monitor: ChangeMonitor;
  /** Counts the writes through this connection, which its `data_version` does not show. */
  #writes = 0;
  readonly #onWrite: (() => void) | undefined;

  /** `onWrite` is called after each write. */
  constructor(connection: Connection, prefix: string, log: string | undefined, onWrite?: () => void) {
    this.connection = connection;
    this.prefix = prefix;
    this.monitor = new ChangeMonitor(connection, log);
    this.#onWrite = onWrite;
  }

  /** Carries out a step that writes; see {@link Connection.write}. */
  write<T>(call: Call, step: () => T): Awaitable<T> {
    const result = this.connection.write(call, step);
    if (result instanceof Promise) {
      return result.then((value) => {
        this.#wrote();
        return value;
      });
    }
    this.#wrote();
    return result;
  }

  /** Another manager has written through the same connection. */
  otherWrote(): void {
    this.#writes += 1;
    this.monitor.wake();
  }

  /** Tells whether anything may have been written since an earlier call gave this. */
  version(): string {
    return `${this.connection.dataVersion()} ${this.#writes}`;
  }

  #wrote(): void {
    this.#writes += 1;
    this.#onWrite?.();
  }
}
