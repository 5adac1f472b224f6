import type { KeyValue } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { StorageWatcher } from "@revkv/api/adapter";
import { StorageKeyValue, StoredBucket } from "@revkv/api/adapter";
import type { Announcements, PostgresBucket, Store } from "./postgres-bucket.ts";
import type { TransactionClient } from "./transaction-session.ts";
import { TransactionSession } from "./transaction-session.ts";

/** A bucket as seen from within a transaction of the application: everything but watching. */
export type TransactionKeyValue = Omit<KeyValue, "watch" | "watchAll">;

/** A bucket in Postgres. */
export interface PostgresKeyValue extends KeyValue {
  /**
   * The same bucket within a transaction that the caller has opened: what is written becomes visible, and is seen by
   * watchers, when the caller commits, and leaves nothing when the caller rolls back (rules M3, M8). `client` is a client
   * of `pg` after its BEGIN, or what carries out a statement in a transaction of a query builder, such as
   * `{ query: (text, values) => trx.executeQuery(CompiledQuery.raw(text, values)) }` for Kysely.
   *
   * From its first write on the transaction holds the bucket: other writers, this manager's own included, wait until it
   * ends, each up to its own deadline, then they fail with `TIMEOUT`. So keep it short, and do not await a write that does
   * not go through `using` before COMMIT. Transactions that write to several buckets do so in the same order, or Postgres
   * ends one of them (`UNAVAILABLE`).
   *
   * What a bucket refuses (`KEY_EXISTS`, `REVISION_MISMATCH`, `VALUE_TOO_LARGE`, …) leaves the transaction as it was; after
   * any other error it can only be rolled back, wholly or to a SAVEPOINT, as after any error of Postgres. Writes need READ
   * COMMITTED, the default of Postgres: at any other level they would read what is older than their place in the order of
   * revisions. Reads see what the transaction sees.
   *
   * Await every call before COMMIT. A client of `pg` that is not in a transaction is refused; of other executors nobody
   * can tell: that is up to the caller.
   *
   * @throws `INVALID_ARGUMENT` for what is no client, or a pool; the handle's calls reject with it when the client is not
   * in a transaction, when the transaction has failed before, and for writes at any level but READ COMMITTED, and with
   * `BUCKET_NOT_FOUND` when the client is connected to another database
   *
   * @example
   * ```ts
   * import { connect } from "@revkv/postgres";
   * import pg from "pg";
   *
   * const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"] });
   * const manager = await connect({ pool });
   * const orders = await manager.createOrUpdateKeyValue({ bucket: "orders" });
   * await pool.query("CREATE TABLE invoice (id integer PRIMARY KEY)");
   *
   * const client = await pool.connect();
   * try {
   *   await client.query("BEGIN");
   *   await client.query("INSERT INTO invoice VALUES (17)");
   *   await orders.using(client).put("order.17", "invoiced");
   *   await client.query("COMMIT"); // both, or neither
   * } catch (error) {
   *   await client.query("ROLLBACK");
   *   throw error;
   * } finally {
   *   client.release();
   * }
   * console.log((await orders.get("order.17"))?.string()); // invoiced
   * await manager.close();
   * await pool.end();
   * ```
   */
  using(client: TransactionClient): TransactionKeyValue;
}

/** What is written announces itself, see {@link TransactionSession}. */
const announcedAtCommit: Announcements = {
  changed: () => undefined,
  subscribe: () => {
    throw new KeyValueError("UNSUPPORTED", "a bucket within a transaction cannot be watched");
  },
};

/** The handle that a manager gives for a bucket. */
export class PostgresHandle extends StorageKeyValue implements PostgresKeyValue {
  readonly #stored: StoredBucket;

  constructor(stored: StoredBucket, watchers: Set<StorageWatcher>) {
    super(stored, watchers);
    this.#stored = stored;
  }

  using(client: TransactionClient): TransactionKeyValue {
    checkClient(client);
    const { context, storage } = this.#stored;
    const bucket = storage as PostgresBucket;
    const { statements, lockWait } = bucket.store;
    const session = new TransactionSession(client, (statement) =>
      statements.within(bucket.id, bucket.incarnation, statement),
    );
    const store: Store = { statements, lockWait, session, announcements: announcedAtCommit };
    // Lanes and a feed of its own: what is not committed must not be known to the watchers of the bucket.
    const joined = new StoredBucket(context, bucket.on(store), () => undefined);
    return new StorageKeyValue(joined, new Set());
  }
}

function checkClient(client: unknown): void {
  const given = (client ?? {}) as { readonly query?: unknown; readonly totalCount?: unknown };
  if (typeof given.query !== "function") {
    throw new KeyValueError("INVALID_ARGUMENT", "using() takes a client with a query function");
  }
  if (given.totalCount !== undefined) {
    throw new KeyValueError(
      "INVALID_ARGUMENT",
      "using() takes a client that is in a transaction, not a pool of clients",
    );
  }
}
