import { KeyValueError } from "@revkv/api";
import { unlessAborted } from "@revkv/api/adapter";
import type { PostgresClient, PostgresPool } from "./postgres-pool.ts";
import { isAnswer, translateError } from "./translate-error.ts";

/** The errors after which a connection is not what the driver takes it for: its prepared statements are not there. */
const unprepared: ReadonlySet<unknown> = new Set(["0A000", "26000", "42P05"]);

/**
 * Lends a connection of a pool. Whoever gives up, by the signal, does not wait for a server that may never answer: the
 * connection is closed, and the call rejects with the signal's reason.
 *
 * @throws `UNAVAILABLE` or `TIMEOUT` when there was no connection, so that nothing was sent (rule M10)
 */
export async function withClient<T>(
  pool: PostgresPool,
  signal: AbortSignal,
  work: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  const client = await checkOut(pool, signal);
  let isGood = false;
  try {
    const result = await unlessAborted(work(client), signal);
    isGood = true;
    return result;
  } catch (error) {
    isGood = isAnswer(error) && !unprepared.has((error as { readonly code?: unknown }).code);
    throw error;
  } finally {
    client.release(!isGood);
  }
}

/** Connections whose loss ends no process. */
const guarded = new WeakSet<PostgresClient>();

/**
 * Listens to a connection's errors for good: what matters of them, its queries tell. A pool listens only while a
 * connection is idle.
 */
function guard(client: PostgresClient): void {
  if (guarded.has(client)) return;
  guarded.add(client);
  client.on("error", ignore);
}

/**
 * Guards the connections of a pool from their first moment on: a server that shuts down may end one with the very bytes
 * that say that it is ready, before whoever asked for it is told. Returns what ends it.
 */
export function guardPool(pool: PostgresPool): () => void {
  pool.on?.("connect", guard);
  return () => void pool.removeListener?.("connect", guard);
}

async function checkOut(pool: PostgresPool, signal: AbortSignal): Promise<PostgresClient> {
  const connecting = pool.connect();
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

function ignore(): void {}
