import type { NormalizedConfig } from "@revkv/api";
import { sameConfig } from "@revkv/api";
import type {
  BucketDescription,
  BucketStorage,
  Call,
  Head,
  KeyPage,
  KeyQuery,
  LogPage,
  LogQuery,
  Outcome,
  PurgePage,
  PurgeQuery,
  Row,
  Unit,
  Write,
} from "@revkv/api/adapter";
import { bucketGone, bytesOf, parseConfig } from "@revkv/api/adapter";
import { bigintArray, byteaArray, numberArray, textArray } from "./arrays.ts";
import { configParameters } from "./bucket-config.ts";
import { readKeyPage } from "./key-reader.ts";
import { readLogPage } from "./log-reader.ts";
import { expectation, laterOnes, operationCode, outcomeOf, outcomesOf } from "./outcomes.ts";
import { liveRow, numberOf, rowOf } from "./rows.ts";
import type { Session } from "./session.ts";
import { whatIsLeftOf } from "./session.ts";
import type { Statements } from "./statements.ts";

/** How changes of buckets become known to others. */
export interface Announcements {
  /** Announces that a bucket was changed; a promise where that is a part of the change. */
  changed(bucket: number): void | Promise<void>;
  /** Calls `wake` after each change by others that is announced; when it resolves, none is missed any more. */
  subscribe(bucket: number, wake: () => void, call: Call): Promise<() => void>;
}

/** What all buckets of a storage share. */
export interface Store {
  readonly statements: Statements;
  readonly session: Session;
  readonly announcements: Announcements;
  /** How long a write waits at the most until it holds the bucket, in milliseconds: less than its caller does. */
  readonly lockWait: number;
}

/** How many due entries a change of config carries out before it in one step, which holds the bucket. */
const settledAtATime = 500;

/** A bucket in the tables of a schema. */
export class PostgresBucket implements BucketStorage {
  readonly name: string;
  readonly incarnation: string;
  readonly id: number;
  readonly #store: Store;

  constructor(store: Store, id: number, name: string, incarnation: string) {
    this.#store = store;
    this.id = id;
    this.name = name;
    this.incarnation = incarnation;
  }

  /** The same bucket on another session. */
  on(store: Store): PostgresBucket {
    return new PostgresBucket(store, this.id, this.name, this.incarnation);
  }

  get store(): Store {
    return this.#store;
  }

  async commit(units: readonly Unit[], call: Call): Promise<readonly Outcome[]> {
    const only = units.length === 1 && units[0]?.length === 1 ? units[0][0] : undefined;
    try {
      return only === undefined ? await this.#commit(units, call) : [await this.#write(only, call)];
    } finally {
      // A refused write may have carried out an expiry, and one whose answer was lost may have been carried out itself.
      await this.#announce();
    }
  }

  async read(keys: readonly string[], call: Call): Promise<readonly (Row | undefined)[]> {
    const { query } = this.#store.statements;
    const [only] = keys;
    const isOne = only !== undefined && keys.length === 1;
    const found = await this.#store.session.run(
      isOne ? query.read : query.readMany,
      [this.id, isOne ? only : textArray(keys)],
      call,
    );
    if (found.length === 0) throw bucketGone();
    const rows: (Row | undefined)[] = keys.map(() => undefined);
    for (const [revision, created, expires, value, place] of found) {
      if (revision === null) continue;
      const index = isOne ? 0 : numberOf(place) - 1;
      rows[index] = liveRow(keys[index] as string, revision, created, expires, value);
    }
    return rows;
  }

  async readRevision(key: string, revision: number, call: Call): Promise<Row | undefined> {
    const { session, statements } = this.#store;
    const [found] = await session.run(statements.query.readRevision, [this.id, revision, key], call);
    if (found === undefined) throw bucketGone();
    const [given, op, created, expires, value, ttl] = found;
    return given === null ? undefined : rowOf({ key, revision: given, op, created, expires, value, ttl });
  }

  readLog(query: LogQuery, call: Call): Promise<LogPage> {
    return readLogPage(this.#store, this.id, query, call);
  }

  readKeys(query: KeyQuery, call: Call): Promise<KeyPage> {
    return readKeyPage(this.#store, this.id, query, call);
  }

  async head(call: Call): Promise<Head> {
    const { session, statements } = this.#store;
    const [found] = await session.run(statements.query.head, [this.id], call);
    if (found === undefined) throw bucketGone();
    return { revision: numberOf(found[0]), compactedTo: numberOf(found[1]) };
  }

  async describe(call: Call): Promise<BucketDescription> {
    const { session, statements } = this.#store;
    const [found] = await session.run(statements.query.describe, [this.id], call);
    if (found === undefined) throw bucketGone();
    const [config, revision, compactedTo, values, bytes] = found;
    return {
      config: parseConfig(config as string),
      revision: numberOf(revision),
      compactedTo: numberOf(compactedTo),
      values: numberOf(values),
      bytes: numberOf(bytes),
    };
  }

  async configure(from: NormalizedConfig, to: NormalizedConfig, call: Call): Promise<boolean | "more"> {
    const { session, statements, lockWait } = this.#store;
    const wait = whatIsLeftOf(lockWait);
    const [found] = await session.run(statements.query.findBucket, [this.name], call);
    if (found === undefined || numberOf(found[0]) !== this.id) throw bucketGone();
    const text = found[2] as string;
    if (!sameConfig(parseConfig(text), from)) return false;
    const parameters = [this.id, text, ...configParameters(to), settledAtATime, wait];
    try {
      const [row] = await session.run(statements.query.configure, parameters, call);
      return (row?.[0] as boolean | null) ?? "more";
    } finally {
      await this.#announce();
    }
  }

  async purgeMarkers({ olderThan, after, limit }: PurgeQuery, call: Call): Promise<PurgePage> {
    const { session, statements, lockWait } = this.#store;
    const wait = whatIsLeftOf(lockWait);
    const parameters = [this.id, olderThan, after, limit, wait];
    try {
      const [row] = await session.run(statements.query.purgeMarkers, parameters, call);
      const [removed, looked, last] = row ?? [];
      return {
        removed: numberOf(removed),
        end: typeof last === "string" ? last : after,
        done: numberOf(looked) < limit,
      };
    } finally {
      await this.#announce();
    }
  }

  subscribe(wake: () => void, call: Call): Promise<() => void> {
    return this.#store.announcements.subscribe(this.id, wake, call);
  }

  #announce(): void | Promise<void> {
    return this.#store.announcements.changed(this.id);
  }

  async #write(write: Write, call: Call): Promise<Outcome> {
    const { session, statements, lockWait } = this.#store;
    const wait = whatIsLeftOf(lockWait);
    const [row] = await session.run(
      statements.query.write,
      [
        this.id,
        operationCode(write),
        write.key,
        write.op === "put" ? bytesOf(write.value) : null,
        expectation(write),
        write.ttl ?? null,
        wait,
      ],
      call,
    );
    return outcomeOf(row?.[0] as string);
  }

  async #commit(units: readonly Unit[], call: Call): Promise<readonly Outcome[]> {
    const { session, statements, lockWait } = this.#store;
    const wait = whatIsLeftOf(lockWait);
    const writes = units.flat();
    const isSingle = writes.length === units.length;
    const [row] = await session.run(
      statements.query.commit,
      [
        this.id,
        isSingle ? null : numberArray(units.map((unit) => unit.length)),
        writes.every(({ op }) => op === "put") ? null : numberArray(writes.map(operationCode)),
        textArray(writes.map(({ key }) => key)),
        byteaArray(writes.map(({ op, value }) => (op === "put" ? value : null))),
        writes.every(({ expect }) => expect === undefined) ? null : bigintArray(writes.map(expectation)),
        writes.every(({ ttl }) => ttl === undefined) ? null : bigintArray(writes.map(({ ttl }) => ttl ?? null)),
        numberArray(laterOnes(writes)),
        wait,
      ],
      call,
    );
    return outcomesOf(row?.[0] as string, units.length);
  }
}
