import type { KeyValue } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { StorageWatcher } from "@revkv/api/adapter";
import { StorageKeyValue, StoredBucket } from "@revkv/api/adapter";
import { textArray } from "./arrays.ts";
import type { Announcements, PostgresBucket, Store } from "./postgres-bucket.ts";
import type { TransactionClient } from "./transaction-session.ts";
import { TransactionSession } from "./transaction-session.ts";

/** A bucket as seen from within a transaction of the application: everything but watching. */
export type TransactionKeyValue = Omit<KeyValue, "watch" | "watchAll">;

/** A bucket in Postgres. */
export interface PostgresKeyValue extends KeyValue {
  /**
   * The same bucket within a transaction that the caller has opened: what is written becomes visible, and is seen by
   * watchers, when the caller commits, and leaves nothing when the caller rolls back. From the first write on, other
   * writers of the bucket wait until then, each up to its own deadline (rules M3, M8).
   *
   * The transaction has to be at READ COMMITTED, the default of Postgres: writes at any other level are
   * `INVALID_ARGUMENT`, because what they read would be older than their place in the order of revisions.
   *
   * @example
   * ```ts no-run
   * import { connect } from "@revkv/postgres";
   * import pg from "pg";
   *
   * const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"] });
   * const manager = await connect({ pool });
   * const orders = await manager.createOrUpdateKeyValue({ bucket: "orders" });
   * const client = await pool.connect();
   * await client.query("BEGIN");
   * await client.query("CREATE TABLE IF NOT EXISTS invoice (id int)");
   * await orders.using(client).put("order.17", "paid");
   * await client.query("COMMIT");
   * client.release();
   * await manager.close();
   * await pool.end();
   * ```
   */
  using(client: TransactionClient): TransactionKeyValue;
}

/** The handle that a manager gives for a bucket. */
export class PostgresHandle extends StorageKeyValue implements PostgresKeyValue {
  readonly #stored: StoredBucket;

  constructor(stored: StoredBucket, watchers: Set<StorageWatcher>) {
    super(stored, watchers);
    this.#stored = stored;
  }

  using(client: TransactionClient): TransactionKeyValue {
    if (typeof (client as Partial<TransactionClient> | null | undefined)?.query !== "function") {
      throw new KeyValueError("INVALID_ARGUMENT", "using() takes a client with a query function");
    }
    const { context, storage } = this.#stored;
    const bucket = storage as PostgresBucket;
    const session = new TransactionSession(client);
    const { statements, lockWait } = bucket.store;
    const store: Store = { statements, lockWait, session, announcements: announcedAtCommit(bucket.store, session) };
    // Lanes and a feed of its own: what is not committed must not be known to the watchers of the bucket.
    const joined = new StoredBucket(context, bucket.on(store), () => undefined);
    return new StorageKeyValue(joined, new Set());
  }
}

/** Within a transaction notifications go out by themselves when it commits, and not at all when it does not. */
function announcedAtCommit({ statements }: Store, session: TransactionSession): Announcements {
  return {
    changed: async (bucket) => {
      await session.run(statements.query.notify, [textArray([statements.channel(bucket)]), ""]);
    },
    subscribe: () => {
      throw new KeyValueError("UNSUPPORTED", "a bucket within a transaction cannot be watched");
    },
  };
}
