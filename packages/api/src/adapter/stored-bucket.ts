import { KeyExistsError, KeyValueError, RevisionMismatchError } from "../errors.ts";
import { invalid, tooLarge } from "./arguments.ts";
import { lengthOf } from "./bytes.ts";
import { PendingCall } from "./call.ts";
import type { ManagerContext } from "./context.ts";
import { Feed } from "./feed.ts";
import { Lane } from "./lane.ts";
import type { Row } from "./row.ts";
import type { Awaitable, BucketStorage, Call } from "./storage.ts";
import type { Outcome, Refusal, Unit } from "./write.ts";

type Rows = readonly (Row | undefined)[];

/** What all handles of one bucket share within a manager: its lanes, its feed and its watchers. */
export class StoredBucket {
  readonly context: ManagerContext;
  readonly storage: BucketStorage;
  readonly feed: Feed;
  readonly #onWrite: (ttl: number | undefined) => void;
  readonly #directReads: boolean;
  readonly #directWrites: boolean;
  readonly #writes: Lane<Unit, Outcome>;
  readonly #reads: Lane<readonly string[], Rows>;
  /** Bound once, since every write passes it on. */
  readonly #accept: (unit: Unit, outcome: Outcome) => readonly number[];

  constructor(context: ManagerContext, storage: BucketStorage, onWrite: (ttl: number | undefined) => void) {
    this.context = context;
    this.storage = storage;
    this.feed = new Feed(context, storage);
    this.#onWrite = onWrite;
    this.#accept = (unit, outcome) => this.#accepted(unit, outcome);
    const { traits } = context.storage;
    this.#directReads = traits.directReads;
    this.#directWrites = traits.directWrites;
    this.#writes = new Lane(context, {
      inFlight: 1,
      maxCount: traits.batchOperations,
      maxBytes: traits.batchBytes,
      count: (unit) => unit.length,
      bytes: (unit) => unit.reduce((sum, write) => sum + write.key.length + lengthOf(write.value), 0),
      writes: true,
      send: (units, call) => storage.commit(units, call),
      answered: (unit, outcome) => this.#wrote(unit, outcome),
      // It may have been carried out all the same (rule M10): our watchers look.
      failed: () => this.feed.wake(),
    });
    this.#reads = new Lane(context, {
      inFlight: traits.readsInFlight,
      maxCount: traits.readKeys,
      maxBytes: Number.POSITIVE_INFINITY,
      count: (keys) => keys.length,
      bytes: () => 0,
      writes: false,
      send: (requests, call) => readTogether(storage, requests, call),
    });
  }

  /** Carries out one unit; throws or rejects with what it was refused for. */
  write(unit: Unit, signal: AbortSignal | undefined): Awaitable<readonly number[]> {
    this.context.admit(signal);
    if (!this.#directWrites) return this.#writes.submit(unit, signal, this.#accept);
    const outcome = this.#commit(unit, signal);
    return outcome instanceof Promise
      ? outcome.then((settled) => this.#accepted(unit, settled))
      : this.#accepted(unit, outcome);
  }

  /** Carries out one unit, and says what became of it. */
  submit(unit: Unit, signal: AbortSignal | undefined): Awaitable<Outcome> {
    this.context.admit(signal);
    return this.#directWrites ? this.#commit(unit, signal) : this.#writes.submit(unit, signal, answerItself);
  }

  #commit(unit: Unit, signal: AbortSignal | undefined): Awaitable<Outcome> {
    // What `step` does, spelled out: on the way of every write its layers are a tenth of the time.
    const call = new PendingCall();
    let outcomes: Awaitable<readonly Outcome[]>;
    try {
      outcomes = this.storage.commit([unit], call);
    } catch (error) {
      throw this.context.translate(error, true);
    }
    if (!(outcomes instanceof Promise)) return this.#wrote(unit, outcomes[0] as Outcome);
    const wrote = outcomes.then(([outcome]) => this.#wrote(unit, outcome as Outcome));
    return this.context.later(wrote, call, signal, true);
  }

  /** Reads the live rows of some keys, all as of one revision. */
  read(keys: readonly string[], signal: AbortSignal | undefined): Awaitable<readonly (Row | undefined)[]> {
    this.context.admit(signal);
    return this.#directReads
      ? this.context.step((call) => this.storage.read(keys, call), signal)
      : this.#reads.submit(keys, signal, answerItself);
  }

  /** Carries out one step on the bucket's storage. */
  step<T>(
    start: (storage: BucketStorage, call: Call) => Awaitable<T>,
    signal: AbortSignal | undefined,
    written = false,
  ): Awaitable<T> {
    this.context.admit(signal);
    if (!written) return this.context.step((call) => start(this.storage, call), signal);
    const removed = (): void => this.feed.removed();
    return this.context.step(
      (call) => {
        const answer = start(this.storage, call);
        if (answer instanceof Promise) answer.then(removed, removed);
        else removed();
        return answer;
      },
      signal,
      true,
    );
  }

  /**
   * What was read before is out of date for our own watchers before the write's caller hears of it, and also when the
   * caller does not wait for it any more (rule W7).
   */
  #wrote(unit: Unit, outcome: Outcome): Outcome {
    if ("refused" in outcome) {
      // It may have brought a due expiry to light, whose marker watchers are to see (rule T9).
      this.feed.wake();
    } else {
      this.feed.wrote(unit, outcome);
    }
    this.#onWrite(unit.length === 1 ? unit[0]?.ttl : shortestTtl(unit));
    return outcome;
  }

  #accepted(unit: Unit, outcome: Outcome): readonly number[] {
    if ("refused" in outcome) throw refusalError(this.storage.name, unit, outcome);
    return outcome;
  }
}

function answerItself<Answer>(_: unknown, answer: Answer): Answer {
  return answer;
}

function readTogether(
  storage: BucketStorage,
  requests: readonly (readonly string[])[],
  call: Call,
): Awaitable<readonly Rows[]> {
  const [only] = requests;
  const answer = storage.read(only !== undefined && requests.length === 1 ? only : requests.flat(), call);
  return answer instanceof Promise ? answer.then((rows) => parted(rows, requests)) : parted(answer, requests);
}

/** Gives each of the requests its part of what was read. */
function parted(rows: Rows, requests: readonly (readonly string[])[]): readonly Rows[] {
  if (requests.length === 1) return [rows];
  let from = 0;
  return requests.map((keys) => {
    from += keys.length;
    return rows.slice(from - keys.length, from);
  });
}

function shortestTtl(unit: Unit): number | undefined {
  let shortest: number | undefined;
  for (const { ttl } of unit) if (ttl !== undefined && (shortest === undefined || ttl < shortest)) shortest = ttl;
  return shortest;
}

function refusalError(bucket: string, unit: Unit, refusal: Refusal): KeyValueError {
  switch (refusal.refused) {
    case "condition": {
      const write = unit[refusal.operation];
      if (write?.op === "put" && write.expect === null && refusal.actual !== undefined) {
        return new KeyExistsError(write.key, refusal.actual);
      }
      return new RevisionMismatchError(write?.key ?? "", write?.expect ?? null, refusal.actual);
    }
    case "value-too-large":
      return tooLarge(lengthOf(unit[refusal.operation]?.value ?? ""), refusal.limit);
    case "ttl-not-enabled":
      return invalid(`an entry can have a ttl only in a bucket with limitMarkerTtl, and "${bucket}" has none`);
    case "bucket-full":
      return new KeyValueError("BUCKET_FULL", `bucket "${bucket}" would grow beyond ${refusal.limit} bytes`);
    case "storage-full":
      return new KeyValueError("STORAGE_FULL", "the storage has no room for the value");
  }
}
