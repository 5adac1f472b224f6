import { randomUUID } from "node:crypto";
import { KeyValueError } from "@revkv/api";
import { StorageManager } from "@revkv/api/adapter";
import type { ClientConfig } from "pg";
import { textArray } from "./arrays.ts";
import { Channels } from "./channels.ts";
import type { PostgresOptions } from "./connect.ts";
import { Connections } from "./connections.ts";
import type { Server } from "./inspect-server.ts";
import { inspectServer } from "./inspect-server.ts";
import { Listener } from "./listener.ts";
import { ListeningConnection } from "./listening-connection.ts";
import { checkMigrated, migrate } from "./migrate.ts";
import { openPool } from "./own-pool.ts";
import { PoolSession } from "./pool-session.ts";
import { PostgresHandle } from "./postgres-key-value.ts";
import type { PostgresManager } from "./postgres-manager.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { PostgresStorage } from "./postgres-storage.ts";
import { Statements } from "./statements.ts";
import { translateError } from "./translate-error.ts";

const defaultTimeout = 5000;
const defaultHeartbeat = 10_000;

interface UsedPool {
  readonly pool: PostgresPool;
  /** Ends it, if it is ours. */
  readonly end: () => Promise<void>;
}

/** Reaches the database, makes sure that it and the schema will do, and puts the parts of a manager together. */
export async function openManager(options: PostgresOptions): Promise<PostgresManager> {
  const { timeout = defaultTimeout, schema = "revkv", onEvent } = options;
  const { pool, end }: UsedPool =
    "pool" in options ? { pool: options.pool, end: async () => {} } : openPool(options, timeout);
  const connections = new Connections(pool);
  const release = async (): Promise<void> => {
    connections.close();
    await end();
  };
  try {
    const statements = new Statements(schema);
    const server = await prepare(connections, statements, options, timeout);
    for (const message of server.unsafeSettings) {
      onEvent?.({ type: "unsafe-setting", message, bucket: undefined, error: undefined });
    }
    const session = new PoolSession(connections, {
      preparedStatements: options.preparedStatements ?? !server.isPooled,
      isolate: !server.isReadCommitted,
    });
    const sender = `revkv_${randomUUID().replaceAll("-", "")}`;
    const config = listenConfig(options, pool);
    const notify = (channel: string): Promise<unknown> =>
      session.run(statements.query.notify, [textArray([channel]), ""], { signal: AbortSignal.timeout(timeout) });
    const listener = new Listener({
      open: config && (() => new ListeningConnection(config, sender, notify)),
      heartbeat: options.heartbeatInterval ?? defaultHeartbeat,
      emit: (type, message, error) => onEvent?.({ type, message, bucket: undefined, error }),
    });
    const channels = new Channels(statements, session, listener, sender, Math.ceil(timeout / 2));
    // A write that waits for another transaction is given up by the server before its caller does.
    const lockWait = Math.max(1, Math.floor(timeout * 0.9));
    const store = { statements, session, announcements: channels, lockWait };
    const storage = new PostgresStorage(store, channels, listener, server.isStandby, release);
    return new StorageManager(storage, options, (stored, watchers) => new PostgresHandle(stored, watchers));
  } catch (error) {
    await release();
    throw error;
  }
}

async function prepare(
  connections: Connections,
  statements: Statements,
  options: PostgresOptions,
  timeout: number,
): Promise<Server> {
  const signal = AbortSignal.timeout(timeout);
  try {
    return await connections.lend({ signal }, async (client) => {
      const server = await inspectServer(client, statements.lock);
      await (options.migrate === false ? checkMigrated : migrate)(client, statements);
      return server;
    });
  } catch (error) {
    if (signal.aborted)
      throw new KeyValueError("TIMEOUT", `the database did not answer within ${timeout} ms`, { cause: error });
    throw translateError(error, false);
  }
}

/** How the connection that listens is opened; undefined where a pool does not tell how it connects. */
function listenConfig({ listenConnectionString }: PostgresOptions, pool: PostgresPool): ClientConfig | undefined {
  if (listenConnectionString !== undefined) return { connectionString: listenConnectionString };
  const options = pool.options as ClientConfig | undefined;
  // The password is hidden from enumeration.
  return options && { ...options, password: options.password };
}
