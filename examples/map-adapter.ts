/**
 * The worked example of writing an adapter: a storage on plain `Map`s, against the port alone. The kit checks arguments,
 * queues, watches and expires; a storage only stores. A real engine replaces sorting and scanning by its indexes.
 */
import { randomUUID } from "node:crypto";
import type { KeyValueManager, ManagerOptions, NormalizedConfig } from "@revkv/api";
import { KeyValueError, sameConfig } from "@revkv/api";
import * as kit from "@revkv/api/adapter";

const behind = (map: ReadonlyMap<string, unknown>, key: string): string[] =>
  [...map.keys()].filter((other) => other > key).sort();

/** A bucket is the port's `BucketStorage`, and at the same time the `Ledger` that the kit's rules of writing work on. */
class MapBucket implements kit.BucketStorage, kit.Ledger {
  readonly incarnation: string = randomUUID();
  readonly name: string;
  config: NormalizedConfig;
  revision = 0;
  created = 0;
  compactedTo = 0;
  readonly #buckets: Map<string, MapBucket>;
  readonly #rows: Map<string, kit.Row[]> = new Map();
  readonly #wakes: Set<() => void> = new Set();

  constructor(buckets: Map<string, MapBucket>, config: NormalizedConfig) {
    this.#buckets = buckets;
    this.name = config.bucket;
    this.config = config;
  }

  // The ledger: the rows of each key, oldest first.
  newest = (key: string): kit.Row | undefined => this.kept(key).at(-1);
  kept = (key: string): readonly kit.Row[] => this.#rows.get(key) ?? [];
  append = (row: kit.Row, keep: number): void => this.#keep(row.key, [...this.kept(row.key), row].slice(-keep));
  remove = (row: kit.Row): void =>
    this.#keep(
      row.key,
      this.kept(row.key).filter((kept) => kept.revision !== row.revision),
    );
  due = (now: number): readonly kit.Row[] => this.#all().filter((row) => kit.isDue(row, this.config.ttl, now));
  bytes = (): number => this.#all().reduce((sum, row) => sum + kit.sizeOf(row), 0);

  // The port: everything that is due is carried out before anything else, so that the state is always exact.
  commit = (units: readonly kit.Unit[]): readonly kit.Outcome[] =>
    this.change(() => kit.applyUnits(this, units, Date.now()));
  read = (keys: readonly string[]): (kit.Row | undefined)[] => {
    this.settle();
    return keys
      .map((key) => this.#view(this.kept(key).at(-1)))
      .map((row) => (row?.operation === "PUT" ? row : undefined));
  };
  readRevision = (key: string, revision: number): kit.Row | undefined => {
    this.settle();
    return this.#view(this.kept(key).find((row) => row.revision === revision));
  };
  readLog = ({ filter, after, upTo, newestOnly, limit }: kit.LogQuery): kit.LogPage => {
    const head = this.head();
    const rows = this.#all()
      .filter((row) => row.revision > after.revision && row.revision <= (upTo ?? head.revision))
      .filter((row) => filter.matches(row.key) && (!newestOnly || row === this.newest(row.key)));
    const page = rows.slice(0, limit).map((row) => this.#view(row) as kit.Row);
    const done = page.length === rows.length;
    return { rows: page, end: (done ? undefined : page.at(-1)) ?? { revision: upTo ?? head.revision }, done, head };
  };
  readKeys = ({ filter, after, limit }: kit.KeyQuery): kit.KeyPage => {
    this.settle();
    const keys = behind(this.#rows, after).filter((key) => filter.matches(key));
    const rows = this.read(keys.slice(0, limit)).filter((row) => row !== undefined);
    return { rows, end: keys[limit - 1] ?? "", done: keys.length <= limit };
  };
  head = (): kit.Head => {
    this.settle();
    return { revision: this.revision, compactedTo: this.compactedTo };
  };
  describe = (): kit.BucketDescription => {
    return { ...this.head(), config: this.config, values: this.#all().length, bytes: this.bytes() };
  };
  configure = (from: NormalizedConfig, to: NormalizedConfig): boolean =>
    this.change(() => {
      if (!sameConfig(this.config, from)) return false;
      this.config = to;
      for (const [key, rows] of this.#rows) this.#keep(key, rows.slice(-to.history));
      return true;
    });
  purgeMarkers = ({ olderThan, after, limit }: kit.PurgeQuery): kit.PurgePage =>
    this.change(() => {
      const keys = behind(this.#rows, after);
      const removed = keys.slice(0, limit).map((key) => kit.purgeMarker(this, key, olderThan, Date.now()));
      const done = keys.length <= limit;
      return { removed: removed.reduce((sum, count) => sum + count, 0), end: keys[limit - 1] ?? "", done };
    });
  subscribe = (wake: () => void): (() => void) => {
    this.settle();
    this.#wakes.add(wake);
    return () => void this.#wakes.delete(wake);
  };

  /** Carries out what is due; whoever holds a bucket that was deleted is told so. */
  settle = (): void => {
    if (this.#buckets.get(this.name) !== this) throw new KeyValueError("BUCKET_NOT_FOUND", "it was deleted");
    while (kit.settleDue(this, Date.now())) this.wake();
  };
  /** Whoever is woken reads later, when the step is done. */
  change = <T>(step: () => T): T => {
    this.settle();
    this.wake();
    return step();
  };
  wake = (): void => this.#wakes.forEach((wake) => void wake());
  #keep = (key: string, rows: kit.Row[]): void =>
    void (rows.length > 0 ? this.#rows.set(key, rows) : this.#rows.delete(key));
  #all = (): kit.Row[] => [...this.#rows.values()].flat().sort((a, b) => a.revision - b.revision);
  #view = (row: kit.Row | undefined): kit.Row | undefined =>
    row && { ...row, expiresAt: kit.expiryOf(row, this.config.ttl) };
}

/** The storage: buckets by name. */
export function mapStorage(buckets: Map<string, MapBucket> = new Map()): kit.Storage {
  const opened = (bucket: MapBucket | undefined) => bucket && { bucket, config: bucket.config };
  return {
    backingStore: "map",
    capabilities: kit.embeddedCapabilities,
    traits: kit.embeddedTraits,
    now: Date.now,
    openBucket: (name) => opened(buckets.get(name)),
    createBucket: (config) => {
      const created = !buckets.has(config.bucket);
      if (created) buckets.set(config.bucket, new MapBucket(buckets, config));
      return { ...(opened(buckets.get(config.bucket)) as kit.OpenedBucket), created };
    },
    deleteBucket: (name) => {
      buckets.get(name)?.wake();
      return buckets.delete(name);
    },
    bucketNames: (after, limit) => behind(buckets, after).slice(0, limit),
    sweep: () => {
      for (const bucket of buckets.values()) bucket.settle();
      return { next: 250 };
    },
    translateError: (error) => new KeyValueError("INTERNAL", "the map failed", { cause: error }),
    close: () => undefined,
  };
}

/** Opens buckets of its own, or those that other managers have open too. */
export async function connect(options?: ManagerOptions, storage: kit.Storage = mapStorage()): Promise<KeyValueManager> {
  return new kit.StorageManager(storage, options);
}
