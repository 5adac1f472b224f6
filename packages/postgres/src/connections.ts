import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { unlessAborted, unlessGivenUp } from "@revkv/api/adapter";
import type { PostgresClient, PostgresPool } from "./postgres-pool.ts";
import { isAnswer, translateError } from "./translate-error.ts";

/** The errors after which a connection is not what the driver takes it for: its prepared statements are not there. */
const unprepared: ReadonlySet<unknown> = new Set(["0A000", "26000", "42P05"]);

/** Connections whose loss ends no process, and whether they were lost. */
const guarded = new WeakMap<PostgresClient, { isLost: boolean }>();

/** Listens to a connection's errors for good: a pool does so only while a connection is idle. */
function guard(client: PostgresClient): void {
  if (guarded.has(client)) return;
  const state = { isLost: false };
  guarded.set(client, state);
  client.on("error", () => {
    state.isLost = true;
  });
}

/** How many managers use each pool: one listener guards its connections for all of them. */
const users = new WeakMap<PostgresPool, number>();

function countUsers(pool: PostgresPool, change: 1 | -1): void {
  const count = (users.get(pool) ?? 0) + change;
  users.set(pool, count);
  if (change === 1 && count === 1) pool.on?.("connect", guard);
  if (count === 0) pool.removeListener?.("connect", guard);
}

/**
 * Lends the connections of a pool. The last one that comes back is kept until what its answer has set off is done: of
 * statements that follow each other only the first goes through the pool, which costs as much as a statement.
 */
export class Connections {
  readonly #pool: PostgresPool;
  #kept: PostgresClient | undefined;

  /**
   * Guards the connections of a pool from their first moment on: a server that shuts down may end one with the very bytes
   * that say that it is ready, before whoever asked for it is told.
   */
  constructor(pool: PostgresPool) {
    this.#pool = pool;
    countUsers(pool, 1);
  }

  /** Leaves the pool as it was. */
  close(): void {
    this.#giveBack();
    countUsers(this.#pool, -1);
  }

  /**
   * Lends a connection. Whoever gives up, by the signal, does not wait for a server that may never answer: the
   * connection is closed, and the call rejects with the signal's reason.
   *
   * @throws `UNAVAILABLE` or `TIMEOUT` when there was no connection, so that nothing was sent (rule M10)
   */
  async lend<T>(call: Call, work: (client: PostgresClient) => Promise<T>): Promise<T> {
    const client = this.#take() ?? (await this.#checkOut(call.signal));
    let isGood = false;
    try {
      const result = await unlessGivenUp(work(client), call);
      isGood = true;
      return result;
    } catch (error) {
      isGood = isAnswer(error) && !unprepared.has((error as { readonly code?: unknown }).code);
      throw error;
    } finally {
      if (isGood) this.#keep(client);
      else client.release(true);
    }
  }

  #take(): PostgresClient | undefined {
    const client = this.#kept;
    this.#kept = undefined;
    if (client === undefined || guarded.get(client)?.isLost !== true) return client;
    // Else a write that is never sent would be of unknown outcome.
    client.release(true);
    return undefined;
  }

  #keep(client: PostgresClient): void {
    // Others who wait for a connection, as far as that is known, are not kept waiting.
    if (this.#kept !== undefined || this.#pool.waitingCount !== 0) {
      client.release();
      return;
    }
    this.#kept = client;
    process.nextTick(() => {
      if (this.#kept === client) this.#giveBack();
    });
  }

  #giveBack(): void {
    this.#take()?.release();
  }

  async #checkOut(signal: AbortSignal): Promise<PostgresClient> {
    const connecting = this.#pool.connect();
    try {
      const client = await unlessAborted(connecting, signal);
      guard(client);
      return client;
    } catch (error) {
      // What comes too late goes back.
      connecting.then((client) => client.release(), ignore);
      throw signal.aborted
        ? new KeyValueError("TIMEOUT", "no connection to the database was free in time")
        : translateError(error, false);
    }
  }
}

function ignore(): void {}
