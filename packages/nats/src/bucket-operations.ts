import type { Capabilities, KeyFilter, KeyValueStatus, KeyWatcher } from "@revkv/api";
import { everyKey, KeyExistsError, KeyValueError, RevisionMismatchError } from "@revkv/api";
import type { BucketOperations, Call, Row, Unit, Value, WatchPlan, Write } from "@revkv/api/adapter";
import { lengthOf, tooLarge } from "@revkv/api/adapter";
import { inParallel } from "./in-parallel.ts";
import type { NatsBucket } from "./nats-bucket.ts";
import type { NatsWatcher } from "./nats-watcher.ts";
import { openWatcher } from "./nats-watcher.ts";
import { rowOfStored } from "./rows.ts";
import { scan } from "./scan.ts";
import { statusOf } from "./status.ts";
import { Writer } from "./writer.ts";

/** How many keys are listed at a time, and how many values are read at a time. */
const [listedKeys, readValues] = [500, 100];

/** How many keys are purged at a time. */
const purgesAtATime = 32;

const noBytes = new Uint8Array(0);

/** What a bucket does, on its stream. */
export class NatsOperations implements BucketOperations {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #bucket: NatsBucket;
  readonly #writer: Writer;
  readonly #watchers: Set<NatsWatcher>;

  constructor(bucket: NatsBucket, watchers: Set<NatsWatcher>) {
    this.name = bucket.name;
    this.capabilities = bucket.capabilities;
    this.#bucket = bucket;
    this.#writer = new Writer(bucket);
    this.#watchers = watchers;
  }

  async read(keys: readonly string[], signal: AbortSignal | undefined): Promise<readonly (Row | undefined)[]> {
    const { context } = this.#bucket;
    context.admit(signal);
    const rows = await context.step((call) => Promise.all(keys.map((key) => this.#bucket.newest(key, call))), signal);
    return rows.map((row) => (row?.operation === "PUT" ? row : undefined));
  }

  async readRevision(key: string, revision: number, signal: AbortSignal | undefined): Promise<Row | undefined> {
    const { context, prefix } = this.#bucket;
    context.admit(signal);
    return await context.step(async (call) => {
      const message = await this.#bucket.stored({ seq: revision }, call);
      if (message?.subject !== `${prefix}${key}`) return undefined;
      return rowOfStored(message, await this.#bucket.frame(call));
    }, signal);
  }

  write(unit: Unit, signal: AbortSignal | undefined): Promise<readonly number[]> {
    // As a whole: closing waits for it, between its steps too.
    return this.#bucket.context.track(this.#write(unit, signal));
  }

  async #write(unit: Unit, signal: AbortSignal | undefined): Promise<readonly number[]> {
    const [write] = unit;
    if (write === undefined || unit.length !== 1 || write.op === "check") {
      throw new KeyValueError("UNSUPPORTED", "there are no transactions here");
    }
    await this.#admitWrite(write, signal);
    const { op, key, value, expect, ttl } = write;
    if (expect === null) return [await this.#create(key, value, ttl, signal)];
    const written = await this.#writer.submit({ op, key, value, expect, ttl }, signal);
    if ("revision" in written) return [written.revision];
    throw new RevisionMismatchError(key, expect ?? null, written.actual);
  }

  async *keyPages(
    filter: KeyFilter,
    values: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly Row[], void, undefined> {
    const newest = await this.#newestRows(filter, signal);
    const live = [...newest.values()].filter((row) => row.operation === "PUT");
    live.sort((a, b) => (a.key < b.key ? -1 : 1));
    const size = values ? readValues : listedKeys;
    for (let index = 0; index < live.length; index += size) {
      const page = live.slice(index, index + size);
      if (!values) yield page;
      else {
        const rows = await this.read(
          page.map((row) => row.key),
          signal,
        );
        yield rows.filter((row) => row !== undefined);
      }
    }
  }

  async history(filter: KeyFilter, values: boolean, signal: AbortSignal | undefined): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for await (const page of scan(this.#bucket, { filter, rows: "all", after: 0, values }, signal)) rows.push(...page);
    rows.sort((a, b) => a.revision - b.revision);
    return this.#dated(this.#kept(rows), signal);
  }

  watch(plan: WatchPlan): Promise<KeyWatcher> {
    return openWatcher(this.#bucket, this.#watchers, plan);
  }

  async remove(
    op: "delete" | "purge",
    pages: AsyncIterable<readonly Row[]>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let removed = 0;
    for await (const rows of pages) {
      // What is made one at a time would wait for its turn until it is late.
      await inParallel(rows, this.#bucket.hasEarlyChecks ? 1 : rows.length, async ({ key, revision }) => {
        const written = await this.#writer.submit({ op, key, value: noBytes, expect: revision }, signal);
        if ("revision" in written) removed += 1;
      });
    }
    return removed;
  }

  async purgeDeletes(olderThan: number, signal: AbortSignal | undefined): Promise<number> {
    const { context, prefix } = this.#bucket;
    const newest = await this.#newestRows(everyKey, signal);
    const now = Date.now();
    const markers = [...newest.values()].filter((row) => row.operation !== "PUT");
    let removed = 0;
    await inParallel(markers, purgesAtATime, async ({ key, revision, created }) => {
      const isOld = olderThan === 0 || now - created >= olderThan;
      // Nothing is older then; and a server takes 1 for no limit at all.
      if (!isOld && (this.#bucket.setup.config.history === 1 || revision === 1)) return;
      context.admit(signal);
      // What is written meanwhile has a higher revision, and stays.
      const body = { filter: `${prefix}${key}`, seq: isOld ? revision + 1 : revision };
      const purged = await context.step((call) => this.#purge(body, call), signal, true);
      removed += purged;
      if (purged > 0) this.#bucket.wrote(key, revision, true);
    });
    return removed;
  }

  /** Removes rows of one subject that are older than a revision; gives how many there were. */
  async #purge(body: { readonly filter: string; readonly seq: number }, call: Call): Promise<number> {
    const { jetstream, stream } = this.#bucket;
    const attempt = (): Promise<{ readonly purged: number }> =>
      jetstream.attempt(`STREAM.PURGE.${stream}`, body, call, true);
    const look = async (): Promise<undefined> => {
      const first = await this.#bucket.next(body.filter, 1, call);
      if (first !== undefined && first.revision < body.seq) return;
      throw new KeyValueError(
        "OUTCOME_UNKNOWN",
        "markers were removed, and how many is not known: the answer was lost",
      );
    };
    return (await this.#bucket.attempt(jetstream.change(attempt, look, call))).purged;
  }

  async status(signal: AbortSignal | undefined): Promise<KeyValueStatus> {
    const { context } = this.#bucket;
    context.admit(signal);
    const info = await context.step((call) => this.#bucket.refresh(call), signal);
    let bytes = 0;
    // Once is enough: what is written meanwhile takes the place of what was counted.
    const query = { filter: everyKey, rows: "all", after: 0, values: false } as const;
    for await (const rows of scan(this.#bucket, query, signal, 1)) {
      for (const { key, length } of rows) bytes += key.length + length;
    }
    return statusOf(info, { values: info.state.messages, bytes, approximate: false });
  }

  /** Puts a value if the key is not live: over no entry, or over the very marker that was found (rule O3). */
  async #create(
    key: string,
    value: Uint8Array | string,
    ttl: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    for (let expect = 0; ; ) {
      const written = await this.#writer.submit({ op: "put", key, value, expect, ttl }, signal);
      if ("revision" in written) return written.revision;
      const { context } = this.#bucket;
      const row = await context.step((call) => this.#bucket.newest(key, call), signal);
      if (row?.operation === "PUT") throw new KeyExistsError(key, row.revision);
      expect = row?.revision ?? 0;
    }
  }

  /** Judges a value by the bucket's config of this moment, but after its condition (rules B9, E2). */
  async #admitWrite({ key, value, expect }: Write, signal: AbortSignal | undefined): Promise<void> {
    const { context } = this.#bucket;
    context.admit(signal);
    this.#bucket.checkLife();
    if (!this.#bucket.isStale && !this.#isTooLarge(value)) return;
    // Who has changed the limit may be another.
    await context.step((call) => this.#bucket.refresh(call), signal);
    if (!this.#isTooLarge(value)) return;
    if (expect !== undefined) {
      const row = await context.step((call) => this.#bucket.newest(key, call), signal);
      if (expect === null && row?.operation === "PUT") throw new KeyExistsError(key, row.revision);
      const actual = row?.revision ?? 0;
      if (expect !== null && expect !== actual) throw new RevisionMismatchError(key, expect, actual);
    }
    throw tooLarge(lengthOf(value), this.#bucket.setup.config.maxValueSize ?? 0);
  }

  #isTooLarge(value: Value): boolean {
    const { maxValueSize } = this.#bucket.setup.config;
    return maxValueSize !== undefined && lengthOf(value) > maxValueSize;
  }

  /** The newest row of every key that matches, without values. */
  async #newestRows(filter: KeyFilter, signal: AbortSignal | undefined): Promise<Map<string, Row>> {
    const newest = new Map<string, Row>();
    for await (const rows of scan(this.#bucket, { filter, rows: "newest", after: 0, values: false }, signal)) {
      for (const row of rows) newest.set(row.key, row);
    }
    return newest;
  }

  /** Leaves out what was written over while the rows were read. */
  #kept(rows: readonly Row[]): readonly Row[] {
    const { history } = this.#bucket.setup.config;
    const newer = new Map<string, number>();
    const kept: Row[] = [];
    for (const row of rows.toReversed()) {
      const count = newer.get(row.key) ?? 0;
      if (count >= history) continue;
      newer.set(row.key, row.operation === "PURGE" ? history : count + 1);
      kept.push(row);
    }
    return kept.reverse();
  }

  /** Says when rows expire by the config of this moment. */
  async #dated(rows: readonly Row[], signal: AbortSignal | undefined): Promise<readonly Row[]> {
    if (!this.#bucket.isStale) return rows;
    const { ttl } = await this.#bucket.context.step((call) => this.#bucket.frame(call), signal);
    return rows.map((row) => ({ ...row, expiresAt: ttl === undefined ? undefined : row.created + ttl }));
  }
}
