import { KeyValueError } from "@revkv/api";
import type { Call, Row, WatchedItem, WatchPlan } from "@revkv/api/adapter";
import { bucketGone, historyLost, IteratedWatcher, StoredEntry } from "@revkv/api/adapter";
import { LogReader } from "./log-reader.ts";
import type { NatsBucket, WriteObserver } from "./nats-bucket.ts";

/** Starts a watcher: draws the line between what is there and what is to come, and sets the cursor (rule W1). */
export async function openWatcher(
  bucket: NatsBucket,
  watchers: Set<NatsWatcher>,
  plan: WatchPlan,
): Promise<NatsWatcher> {
  const { context } = bucket;
  context.admit(plan.signal);
  const reader = new LogReader(bucket, {
    filter: plan.filter,
    rows: plan.initial === "newest" ? "newest" : "all",
    after: plan.start,
    values: !plan.metaOnly,
  });
  try {
    const line = await context.step(async (call) => {
      const { state } = await bucket.refresh(call);
      checkStart(bucket, plan, state.last_seq);
      if (plan.initial === "none") reader.skipTo(state.last_seq);
      await reader.open(call);
      return state.last_seq;
    }, plan.signal);
    context.admit(plan.signal);
    bucket.checkLife();
    const watcher = new NatsWatcher(bucket, reader, plan, line, (stopped) => watchers.delete(stopped));
    watchers.add(watcher);
    return watcher;
  } catch (error) {
    reader.close();
    throw error;
  }
}

function checkStart(bucket: NatsBucket, plan: WatchPlan, last: number): void {
  if (plan.initial !== "resume") return;
  if (plan.incarnation !== undefined && plan.incarnation !== bucket.incarnation) {
    throw new KeyValueError("HISTORY_LOST", "the bucket is not the one that the revision belongs to");
  }
  if (plan.start > last) throw historyLost(plan.start, last);
}

/** How old an answer may be to the question whether a row is the newest of its key, in milliseconds. */
const answerAge = 50;

/** How many writes of this manager are remembered for a consumer that does not read on (rule W8). */
const mostKnown = 4096;

/** A write of this manager that may have removed what a watcher has read ahead. */
interface KnownWrite {
  readonly key: string;
  readonly revision: number;
  readonly purged: boolean;
}

/** A watcher: a cursor, and the line behind which rows are live (rules W1, W6). */
export class NatsWatcher extends IteratedWatcher implements WriteObserver {
  readonly #bucket: NatsBucket;
  readonly #reader: LogReader;
  readonly #plan: WatchPlan;
  readonly #line: number;
  /** True where rows that are the newest of their keys no more may come before `null`. */
  readonly #isDoubtful: boolean;
  readonly #call: AbortController = new AbortController();
  readonly #onStop: () => void;
  #isLive = false;
  /** True while the consumer waits: what was read ahead is looked at, and must stay. */
  #isAdvancing = false;
  /** Up to which row, when, and with what result it was asked whether rows are the newest of their keys. */
  #askedTo = 0;
  #askedAt = 0;
  /** For how many rows that was asked. */
  #atATime = 8;
  #outdated: ReadonlySet<number> = new Set();
  #known: KnownWrite[] = [];

  constructor(
    bucket: NatsBucket,
    reader: LogReader,
    plan: WatchPlan,
    line: number,
    onStop: (watcher: NatsWatcher) => void,
  ) {
    super(plan.signal);
    this.#bucket = bucket;
    this.#reader = reader;
    this.#plan = plan;
    this.#line = line;
    this.#isDoubtful = plan.initial === "newest" && bucket.setup.config.history > 1;
    this.#onStop = () => onStop(this);
    bucket.observers.add(this);
  }

  wrote(key: string, revision: number, purged: boolean): void {
    const isReadAhead = !this.#reader.ahead().next().done;
    if (!isReadAhead && !(this.#isReplicated && this.#plan.filter.matches(key))) return;
    this.#known.push({ key, revision, purged });
    if (this.#known.length < mostKnown) return;
    if (!isReadAhead) this.#known = this.#known.slice(mostKnown / 2);
    else if (!this.#isAdvancing) {
      this.#reader.forget();
      this.#known = [];
    }
  }

  /** True where what is read next may come from a replica that does not know yet what this manager has written. */
  get #isReplicated(): boolean {
    return this.#bucket.setup.settings.replicas > 1;
  }

  /** Forgets what was written before the rows that are read next. */
  #forgetKnown(): void {
    const { position } = this.#reader;
    this.#known = this.#isReplicated ? this.#known.filter(({ revision }) => revision > position) : [];
  }

  gone(): void {
    this.fail(bucketGone());
  }

  protected override release(): void {
    this.#bucket.observers.delete(this);
    this.#reader.close();
    this.#onStop();
    this.#call.abort();
  }

  protected override async advance(): Promise<WatchedItem | undefined> {
    const call: Call = { signal: this.#call.signal };
    this.#isAdvancing = true;
    try {
      while (!this.stopped) {
        this.#reader.refresh();
        const [next] = this.#reader.buffered;
        if (!this.#isLive && (next === undefined ? this.#isAtLine() : next.revision > this.#line))
          return this.#goLive();
        const row = this.#reader.take();
        if (row === undefined) {
          this.#forgetKnown();
          if (!(await this.#reader.more(call)) && !this.#isLive && !this.stopped) return this.#goLive();
        } else if (await this.#isWanted(row, call)) {
          return { done: false, value: await this.#entry(row, call) };
        }
      }
    } catch (error) {
      // A watcher that was stopped meanwhile ends normally.
      if (!this.stopped) throw this.#bucket.context.translate(error, false);
    } finally {
      this.#isAdvancing = false;
    }
    return undefined;
  }

  #isAtLine(): boolean {
    return this.#reader.position >= this.#line || this.#reader.isDrained;
  }

  #goLive(): WatchedItem {
    this.#isLive = true;
    this.#reader.follow();
    return { done: false, value: null };
  }

  async #isWanted(row: Row, call: Call): Promise<boolean> {
    if (this.#plan.ignoreDeletes && row.operation !== "PUT") return false;
    if (this.#isSuperseded(row)) return false;
    return this.#isLive || !this.#isDoubtful || (await this.#isNewest(row, call));
  }

  /**
   * Asks for many rows at a time which are the newest of their keys, and again when that was long ago: for as many as the
   * consumer takes before the answer is old.
   */
  async #isNewest(row: Row, call: Call): Promise<boolean> {
    const wasAsked = row.revision <= this.#askedTo;
    if (!wasAsked || performance.now() - this.#askedAt > answerAge) {
      this.#atATime = wasAsked ? 1 : this.#atATime * 2;
      const rows = [row, ...this.#reader.buffered.slice(0, this.#atATime - 1)];
      const newest = await Promise.all(rows.map(({ key }) => this.#bucket.newest(key, call)));
      this.#outdated = new Set(
        rows.filter(({ revision }, index) => newest[index]?.revision !== revision).map(({ revision }) => revision),
      );
      this.#askedTo = rows.at(-1)?.revision ?? 0;
      this.#askedAt = performance.now();
    }
    return !this.#outdated.has(row.revision);
  }

  /** Tells whether it is known of a row that it is kept no longer. */
  #isSuperseded({ key, revision }: Row): boolean {
    const kept = !this.#isLive && this.#plan.initial === "newest" ? 1 : this.#bucket.setup.config.history;
    const later = new Set<number>();
    for (const one of this.#reader.ahead()) {
      if (one.key !== key) continue;
      if (one.operation === "PURGE") return true;
      later.add(one.revision);
    }
    for (const one of this.#known) {
      if (one.key !== key || one.revision <= revision) continue;
      if (one.purged) return true;
      later.add(one.revision);
    }
    return later.size >= kept;
  }

  async #entry(row: Row, call: Call): Promise<StoredEntry> {
    const current = this.#bucket.isStale ? await this.#bucket.frame(call) : this.#bucket.knownFrame;
    const expiresAt = current.ttl === undefined ? undefined : row.created + current.ttl;
    return new StoredEntry(this.#bucket.name, { ...row, expiresAt }, this.#isLive, 0, !this.#plan.metaOnly);
  }
}
