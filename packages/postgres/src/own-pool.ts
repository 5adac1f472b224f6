import { Socket } from "node:net";
import pg from "pg";
import type { PostgresUrlOptions } from "./connect.ts";

/** A pool of ours. */
export interface OwnPool {
  readonly pool: pg.Pool;
  /**
   * Ends all connections without waiting for a server that may never answer: those at rest say goodbye, those that are
   * still being made or that wait for an answer, which nobody does any more, are cut off.
   */
  readonly end: () => Promise<void>;
}

/** Opens a pool; `timeout` is how long connecting may take, in milliseconds. */
export function openPool({ connectionString, max }: PostgresUrlOptions, timeout: number): OwnPool {
  /** The sockets of the connections that nobody has asked to end. */
  const open = new Set<Socket>();

  class Client extends pg.Client {
    readonly #socket: Socket;

    constructor(config?: pg.ClientConfig) {
      const socket = new Socket();
      super({ ...config, stream: () => socket });
      this.#socket = socket;
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }

    override end(): Promise<void>;
    override end(callback: (error: Error) => void): void;
    override end(callback?: (error: Error) => void): Promise<void> | undefined {
      open.delete(this.#socket);
      if (callback === undefined) return super.end();
      super.end(callback);
      return undefined;
    }
  }

  const pool = new pg.Pool({
    Client,
    connectionString,
    ...(max === undefined ? {} : { max }),
    connectionTimeoutMillis: timeout,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    allowExitOnIdle: true,
  });
  // An idle connection that is lost is replaced when it is needed.
  pool.on("error", () => undefined);
  return {
    pool,
    end: async () => {
      const ended = pool.end();
      for (const socket of open) socket.destroy();
      await ended;
    },
  };
}
