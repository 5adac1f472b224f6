import type { Capabilities, KeyValueError, NormalizedConfig } from "@revkv/api";
import type { Call, CreatedBucket, OpenedBucket, Storage, StorageTraits, Sweep } from "@revkv/api/adapter";
import { embeddedCapabilities, parseConfig } from "@revkv/api/adapter";
import { configParameters } from "./bucket-config.ts";
import type { Channels } from "./channels.ts";
import type { Listener } from "./listener.ts";
import type { Store } from "./postgres-bucket.ts";
import { PostgresBucket } from "./postgres-bucket.ts";
import { numberOf } from "./rows.ts";
import { whatIsLeftOf } from "./session.ts";
import { translateError } from "./translate-error.ts";

/** How often every manager looks for due entries, in milliseconds: whoever wrote them may be gone (rule T2). */
const sweepInterval = 500;

/** The longest time that a sweep waits for a bucket that somebody holds, in milliseconds. */
const sweepWait = 100;

/** How often caught-up watchers look by themselves while notifications come, and while they do not, in milliseconds. */
const pollInterval = { up: 5000, down: 1000 } as const;

/** The storage in a schema of a Postgres database. */
export class PostgresStorage implements Storage {
  readonly backingStore: string = "postgres";
  readonly capabilities: Capabilities;
  readonly traits: StorageTraits;
  readonly #store: Store;
  readonly #channels: Channels;
  readonly #listener: Listener;
  readonly #release: () => Promise<void>;
  /** The bucket that was swept last: the next sweep goes on behind it, so that everyone's turn comes. */
  #swept = 0;

  /** `release` closes what was opened for this storage. A standby may not have yet what was written before (rule M8). */
  constructor(store: Store, channels: Channels, listener: Listener, isStandby: boolean, release: () => Promise<void>) {
    this.capabilities = {
      ...embeddedCapabilities,
      crossProcessWatch: true,
      readAfterWrite: !isStandby,
      // A backup that was put back, or a standby that was behind, is told by its newest revision only.
      lossDetection: "head",
      maxValueBytes: 2 ** 28,
    };
    this.#store = store;
    this.#channels = channels;
    this.#listener = listener;
    this.#release = release;
    this.traits = {
      directReads: false,
      directWrites: false,
      batchOperations: 500,
      batchBytes: 2 ** 20,
      readKeys: 500,
      readsInFlight: 2,
      pageRows: 500,
      pageBytes: 2 ** 20,
      get pollInterval() {
        return listener.isUp ? pollInterval.up : pollInterval.down;
      },
    };
  }

  async openBucket(name: string, call: Call): Promise<OpenedBucket | undefined> {
    const { session, statements } = this.#store;
    const [found] = await session.run(statements.query.findBucket, [name], call);
    if (found === undefined) return undefined;
    const [id, incarnation, config] = found;
    return { bucket: this.#bucket(id, name, incarnation), config: parseConfig(config as string) };
  }

  async createBucket(config: NormalizedConfig, call: Call): Promise<CreatedBucket> {
    const { session, statements } = this.#store;
    const name = config.bucket;
    for (;;) {
      const existing = await this.openBucket(name, call);
      if (existing !== undefined) return { ...existing, created: false };
      const [row] = await session.run(statements.query.createBucket, [name, ...configParameters(config)], call);
      if (row !== undefined) return { bucket: this.#bucket(row[0], name, row[1]), config, created: true };
    }
  }

  async deleteBucket(name: string, call: Call): Promise<boolean> {
    const { session, statements, lockWait } = this.#store;
    const [row] = await session.run(statements.query.dropBucket, [name, whatIsLeftOf(lockWait)], call);
    const id = row?.[0] ?? null;
    if (id === null) return false;
    this.#channels.removed(numberOf(id));
    return true;
  }

  async bucketNames(after: string, limit: number, call: Call): Promise<readonly string[]> {
    const { session, statements } = this.#store;
    const rows = await session.run(statements.query.bucketNames, [after, limit], call);
    return rows.map(([name]) => name as string);
  }

  /**
   * Every manager looks; of those that find something due in a bucket one does the work, while the others leave it
   * alone. Where there is more to do than a fraction of the deadline allows, the rest is left to the next sweep.
   */
  async sweep(limit: number, call: Call): Promise<Sweep> {
    const { session, statements, lockWait } = this.#store;
    const end = performance.now() + lockWait / 4;
    let next = sweepInterval;
    let isDone = true;
    for (const [id, wait] of await session.run(statements.query.due, [this.#swept], call)) {
      if (performance.now() > end) return { next: 0 };
      if (id === null) {
        const [row] = await session.run(statements.query.cleanUp, [limit], call);
        if (numberOf(row?.[0]) > 0) isDone = false;
      } else if (wait !== null && numberOf(wait) === 0) {
        const bucket = numberOf(id);
        this.#swept = bucket;
        // One that somebody holds, or has deleted meanwhile, does not hold up the others.
        const looked = await this.#sweepBucket(bucket, limit, call);
        if (looked === 0) continue;
        isDone = false;
        this.#channels.removed(bucket);
      } else if (wait !== null) next = Math.min(next, numberOf(wait));
    }
    return { next: isDone ? next : 0 };
  }

  translateError(error: unknown, written: boolean): KeyValueError {
    return translateError(error, written);
  }

  async close(): Promise<void> {
    this.#listener.close();
    await this.#channels.close();
    await this.#release();
  }

  async #sweepBucket(bucket: number, limit: number, call: Call): Promise<number> {
    const { session, statements, lockWait } = this.#store;
    const wait = Math.ceil(Math.min(sweepWait, lockWait / 4));
    try {
      const [row] = await session.run(statements.query.sweep, [bucket, limit, wait], call);
      return numberOf(row?.[0]);
    } catch (error) {
      const { code } = translateError(error, false);
      if (code === "TIMEOUT" || code === "BUCKET_NOT_FOUND") return 0;
      throw error;
    }
  }

  #bucket(id: unknown, name: string, incarnation: unknown): PostgresBucket {
    return new PostgresBucket(this.#store, numberOf(id), name, incarnation as string);
  }
}
