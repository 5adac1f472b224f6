import type { KeyValueManager } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import { StorageManager } from "@revkv/api/adapter";
import { ChangeReader } from "./change-reader.ts";
import { Commands } from "./commands.ts";
import type { RedisConnectOptions } from "./connect.ts";
import { inspectServer } from "./inspect-server.ts";
import { Nonces } from "./nonces.ts";
import type { AnyRedis, RedisNode } from "./redis-client.ts";
import { isCluster } from "./redis-client.ts";
import { RedisStorage } from "./redis-storage.ts";
import { makeClient } from "./safe-client.ts";
import { firstWord, isAnswer, translateError } from "./translate-error.ts";

const defaultTimeout = 5000;

/** Reaches the server, makes sure that it will do, and puts the parts of a manager together. */
export async function openManager(options: RedisConnectOptions): Promise<KeyValueManager> {
  const { timeout = defaultTimeout, prefix = "revkv", onEvent } = options;
  const client = makeClient(options, timeout);
  try {
    for (const message of await reach(client, timeout)) {
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

/** Gives what is unsafe about the settings of the servers. */
async function reach(client: AnyRedis, timeout: number): Promise<readonly string[]> {
  let reason: unknown;
  client.on("error", (error: Error) => {
    reason ??= error;
  });
  const late = (): KeyValueError =>
    new KeyValueError("TIMEOUT", `the server did not answer within ${timeout} ms`, { cause: reason });
  try {
    return await within(inspect(client), timeout, late);
  } catch (error) {
    if (isKeyValueError(error) || client.status === "ready") throw error;
    // That the connection was closed says less than why, and that no node of a Cluster will do less than what one said.
    const first = (reason ?? error) as { readonly lastNodeError?: unknown };
    throw first.lastNodeError ?? first;
  }
}

async function inspect(client: AnyRedis): Promise<readonly string[]> {
  await client.connect();
  const inCluster = isCluster(client);
  const nodes = inCluster ? client.nodes("master") : [client];
  const found = await Promise.all(nodes.map((node) => inspectServer(node, inCluster)));
  if (!inCluster) await selectDatabase(client);
  return [...new Set(found.flat())];
}

/** ioredis goes on in the first database when the server has not the one that is asked for. */
async function selectDatabase(client: RedisNode): Promise<void> {
  const { db = 0 } = client.options as { readonly db?: number };
  if (db === 0) return;
  try {
    await client.callBuffer("select", String(db));
  } catch (error) {
    if (!isAnswer(error) || firstWord(error) !== "ERR") throw error;
    throw new KeyValueError("INVALID_ARGUMENT", `database ${db} cannot be used: ${error.message}`, { cause: error });
  }
}

/** Waits for the server, and keeps the process running meanwhile. */
function within<T>(promise: Promise<T>, timeout: number, late: () => KeyValueError): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), timeout);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
