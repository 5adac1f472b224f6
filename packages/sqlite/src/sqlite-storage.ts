import { randomUUID } from "node:crypto";
import type { Capabilities, KeyValueError, NormalizedConfig } from "@revkv/api";
import type { Awaitable, Call, CreatedBucket, OpenedBucket, Storage, StorageTraits, Sweep } from "@revkv/api/adapter";
import { embeddedCapabilities, embeddedTraits, parseConfig } from "@revkv/api/adapter";
import { isExpiring } from "./bucket-state.ts";
import { integer, text } from "./bucket-statements.ts";
import type { SqlValue, Statement } from "./driver.ts";
import { DroppedBuckets } from "./dropped-buckets.ts";
import { countBytes, createRows, rowsTable } from "./schema.ts";
import { SqliteBucket } from "./sqlite-bucket.ts";
import type { Store } from "./store.ts";
import { translateError } from "./translate-error.ts";

/** The longest time between two looks for due entries, in milliseconds: another process may write and close (T2). */
const sweepInterval = 500;

/** The storage on a SQLite database. Everything is answered at once unless another connection holds a lock. */
export class SqliteStorage implements Storage {
  readonly backingStore: string = "sqlite";
  readonly capabilities: Capabilities;
  /** A page or a batch is a step of its own, in which nothing else is done. */
  readonly traits: StorageTraits = { ...embeddedTraits, directWrites: false, pageRows: 250, batchOperations: 250 };
  readonly #store: Store;
  readonly #release: () => void;
  readonly #byName: Statement;
  readonly #names: Statement;
  readonly #expiring: Statement;
  readonly #dropped: DroppedBuckets;
  /** The store's version when there was nothing due before {@link #nextDue}. */
  #sweptVersion: string | undefined;
  /** The buckets that can have something due, by id: their statements are prepared once. */
  #swept: ReadonlyMap<number, SqliteBucket> = new Map();
  #nextDue = 0;

  /** `shared`: other processes can open the same database. `release` closes what was opened for this storage. */
  constructor(store: Store, shared: boolean, release: () => void) {
    this.#store = store;
    this.#release = release;
    this.capabilities = {
      ...embeddedCapabilities,
      crossProcessWatch: shared,
      // A backup that was put back is told by its newest revision only.
      lossDetection: "head",
      maxValueBytes: 2 ** 28,
    };
    const { driver } = store.connection;
    const bucket = `"${store.prefix}bucket"`;
    this.#byName = driver.query(`SELECT id, name, incarnation, config FROM ${bucket} WHERE name = ${text}`);
    this.#names = driver.query(`SELECT name FROM ${bucket} WHERE name > ? ORDER BY name LIMIT ${integer}`);
    this.#expiring = driver.query(
      `SELECT id, name, incarnation FROM ${bucket} INDEXED BY "${store.prefix}bucket_expiring" WHERE expiring`,
    );
    this.#dropped = new DroppedBuckets(driver, store.prefix);
  }

  openBucket(name: string, call: Call): Awaitable<OpenedBucket | undefined> {
    return this.#store.connection.ask(call, () => this.#find(name));
  }

  async createBucket(config: NormalizedConfig, call: Call): Promise<CreatedBucket> {
    const existing = await this.openBucket(config.bucket, call);
    if (existing !== undefined) return { ...existing, created: false };
    return await this.#store.write(call, () => {
      const other = this.#find(config.bucket);
      if (other !== undefined) return { ...other, created: false };
      const { driver } = this.#store.connection;
      const { prefix } = this.#store;
      const columns = driver
        .query(
          `INSERT INTO "${prefix}bucket" (name, incarnation, config, ttl, expiring) VALUES (?, ?, ?, ?, ?) RETURNING id`,
        )
        .get(config.bucket, randomUUID(), JSON.stringify(config), config.ttl ?? null, isExpiring(config) ? 1 : 0);
      const id = columns?.[0] as number;
      createRows(driver, rowsTable(prefix, id));
      if (config.maxBytes !== undefined) countBytes(driver, prefix, id);
      return { ...(this.#find(config.bucket) as OpenedBucket), created: true };
    });
  }

  deleteBucket(name: string, call: Call): Awaitable<boolean> {
    return this.#store.write(call, () => {
      const id = this.#byName.get(name)?.[0];
      if (id === undefined) return false;
      this.#dropped.add(id as number);
      this.#store.connection.driver.exec(`DELETE FROM "${this.#store.prefix}bucket" WHERE id = ${id}`);
      return true;
    });
  }

  bucketNames(after: string, limit: number, call: Call): Awaitable<readonly string[]> {
    return this.#store.connection.ask(call, () => this.#names.all(after, limit).map(([name]) => name as string));
  }

  /**
   * Every process looks, which costs next to nothing while nothing was written; whoever finds something due carries it
   * out under the write lock, where the others then find it done (rule T7).
   */
  async sweep(_limit: number, call: Call): Promise<Sweep> {
    const { connection } = this.#store;
    connection.tidy();
    const now = Date.now();
    const version = await connection.ask(call, () => this.#store.version());
    if (version === this.#sweptVersion && now < this.#nextDue) return { next: this.#untilDue(now) };
    const expiring = await connection.ask(call, () => this.#expiring.all());
    this.#swept = new Map(
      expiring.map((columns) => [
        columns[0] as number,
        this.#swept.get(columns[0] as number) ?? this.#bucketOf(columns),
      ]),
    );
    const dropped = await connection.ask(call, () => this.#dropped.first());
    const isDropping = dropped !== undefined && (await this.#store.write(call, () => this.#dropped.removePage()));
    let found = false;
    let nextDue = Number.POSITIVE_INFINITY;
    // Each bucket in a step of its own, so that many of them hold nothing up.
    for (const bucket of this.#swept.values()) {
      const due = (await this.#unlessGone(() => connection.ask(call, () => bucket.firstDue()))) ?? nextDue;
      if (due > now) nextDue = Math.min(nextDue, due);
      else if ((await this.#unlessGone(() => bucket.settle(call))) === true) found = true;
    }
    if (found) this.#store.monitor.wake();
    if (found || isDropping) return { next: 0 };
    this.#sweptVersion = version;
    this.#nextDue = nextDue;
    return { next: this.#untilDue(now) };
  }

  now(): number {
    return Date.now();
  }

  translateError(error: unknown): KeyValueError {
    return translateError(this.#store.connection.driver.resultOf, error);
  }

  close(): void {
    this.#store.monitor.stop();
    this.#release();
  }

  /** The answer of a bucket; undefined when it was deleted since it was found. */
  async #unlessGone<T>(ask: () => Awaitable<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (this.translateError(error).code === "BUCKET_NOT_FOUND") return undefined;
      throw error;
    }
  }

  #untilDue(now: number): number {
    return Math.max(0, Math.min(this.#nextDue - now, sweepInterval));
  }

  #find(name: string): OpenedBucket | undefined {
    const columns = this.#byName.get(name);
    return columns && { bucket: this.#bucketOf(columns), config: parseConfig(columns[3] as string) };
  }

  #bucketOf([id, name, incarnation]: readonly SqlValue[]): SqliteBucket {
    return new SqliteBucket(this.#store, id as number, name as string, incarnation as string);
  }
}
