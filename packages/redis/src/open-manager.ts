import type { KeyValueManager } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { StorageManager } from "@revkv/api/adapter";
import { ChangeReader } from "./change-reader.ts";
import { Commands } from "./commands.ts";
import type { RedisConnectOptions } from "./connect.ts";
import { inspectServer } from "./inspect-server.ts";
import { Nonces } from "./nonces.ts";
import type { AnyRedis } from "./redis-client.ts";
import { isCluster } from "./redis-client.ts";
import { RedisStorage } from "./redis-storage.ts";
import { makeClient } from "./safe-client.ts";
import { translateError } from "./translate-error.ts";

const defaultTimeout = 5000;

/** Reaches the server, makes sure that it will do, and puts the parts of a manager together. */
export async function openManager(options: RedisConnectOptions): Promise<KeyValueManager> {
  const { timeout = defaultTimeout, prefix = "revkv", onEvent } = options;
  const client = makeClient(options, timeout);
  try {
    for (const message of await within(reach(client), timeout)) {
      onEvent?.({ type: "unsafe-setting", message, bucket: undefined, error: undefined });
    }
    const commands = new Commands(client);
    const nonces = new Nonces();
    const changes = new ChangeReader({
      client,
      commands,
      own: nonces.own,
      timeout,
      onUp: (isUp, error) =>
        queueMicrotask(() =>
          onEvent?.({
            type: isUp ? "reconnected" : "notifications-lost",
            message: isUp ? "changes are announced again" : "changes of others are found by polling for now",
            bucket: undefined,
            error: error === undefined ? undefined : translateError(error, false),
          }),
        ),
    });
    const storage = new RedisStorage({ commands, changes, nonces, prefix, release: () => client.disconnect() });
    return new StorageManager(storage, options);
  } catch (error) {
    client.disconnect();
    throw translateError(error, false);
  }
}

async function reach(client: AnyRedis): Promise<readonly string[]> {
  let reason: unknown;
  client.on("error", (error: Error) => {
    reason ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    // That the connection was closed says less than why.
    throw reason ?? error;
  }
  const nodes = isCluster(client) ? client.nodes("master") : [client];
  const found = await Promise.all(nodes.map(inspectServer));
  return [...new Set(found.flat())];
}

/** Waits for the server, and keeps the process running meanwhile. */
function within<T>(promise: Promise<T>, timeout: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new KeyValueError("TIMEOUT", `the server did not answer within ${timeout} ms`);
    const timer = setTimeout(reject, timeout, late);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
