import { KeyValueError } from "@revkv/api";
import type { PostgresClient, PostgresPool } from "./postgres-pool.ts";
import { unavailable } from "./translate-error.ts";

/**
 * Lends a connection of a pool. Whoever gives up, by the signal, does not wait for a server that may never answer: the
 * connection is closed, and with it what was under way ends.
 *
 * @throws `UNAVAILABLE` or `TIMEOUT` when there was no connection, so that nothing was sent (rule M10)
 */
export async function withClient<T>(
  pool: PostgresPool,
  signal: AbortSignal,
  work: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  const client = await checkOut(pool, signal);
  let isLent = true;
  const release = (destroy: boolean): void => {
    if (!isLent) return;
    isLent = false;
    client.release(destroy);
    if (!destroy) client.removeListener("error", ignore);
  };
  const giveUp = (): void => release(true);
  // A connection that is lost in the middle tells its query; the event would end the process if nobody listened, also
  // after a connection that is no good was given back.
  client.on("error", ignore);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const result = await work(client);
    release(false);
    return result;
  } catch (error) {
    release(!isAnswer(error));
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Tells whether an error is the server's answer to a statement, after which the connection is as good as before. */
export function isAnswer(error: unknown): boolean {
  return ((error ?? {}) as { readonly severity?: unknown }).severity === "ERROR";
}

async function checkOut(pool: PostgresPool, signal: AbortSignal): Promise<PostgresClient> {
  const connecting = pool.connect();
  let giveUp: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(new KeyValueError("TIMEOUT", "no connection to the database was free in time"));
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
  try {
    return await Promise.race([connecting, aborted]);
  } catch (error) {
    // What comes too late goes back.
    connecting.then((client) => client.release(), ignore);
    throw unavailable(error);
  } finally {
    if (giveUp !== undefined) signal.removeEventListener("abort", giveUp);
  }
}

function ignore(): void {}
