import type { Msg } from "@nats-io/transport-node";
import type { Capabilities } from "@revkv/api";
import type { Call, ManagerContext, Row, Storage } from "@revkv/api/adapter";
import { bucketGone } from "@revkv/api/adapter";
import type { JetStream } from "./jetstream.ts";
import { isUnheard } from "./link.ts";
import type { RowFrame, StoredMessage } from "./rows.ts";
import { rowOfDirect, rowOfStored } from "./rows.ts";
import type { ServerFaults } from "./server-abilities.ts";
import type { BucketSetup } from "./stream-config.ts";
import { setupOf, streamName, subjectPrefix } from "./stream-config.ts";
import { isRefused, Unanswered } from "./translate-error.ts";
import type { StreamConfig, StreamInfo } from "./wire.ts";
import { errorCode, fromNanos } from "./wire.ts";
import type { Condition } from "./write-message.ts";

/** What all parts of one manager share. */
export type NatsContext = ManagerContext<Pick<Storage, "translateError">>;

/** What looks at what this manager writes. */
export interface WriteObserver {
  /** A write was acknowledged: older entries of the key may be kept no longer. */
  wrote(key: string, revision: number, purged: boolean): void;
  /** The bucket was deleted, or is another one now. */
  gone(): void;
}

/** One incarnation of a bucket: what this manager's handles, writers and watchers know of it together. */
export class NatsBucket {
  readonly name: string;
  readonly stream: string;
  readonly prefix: string;
  readonly incarnation: string;
  readonly context: NatsContext;
  readonly jetstream: JetStream;
  readonly capabilities: Capabilities;
  readonly faults: ServerFaults;
  readonly observers: Set<WriteObserver> = new Set();
  #setup: BucketSetup;
  #raw: StreamConfig;
  /** The highest revision that is known to be given. */
  #head: number;
  /** The newest revision by the last word of whoever leads the stream. */
  #told: number;
  #isStale = false;
  #isGone = false;

  constructor(
    context: NatsContext,
    jetstream: JetStream,
    capabilities: Capabilities,
    info: StreamInfo,
    faults: ServerFaults,
  ) {
    const setup = setupOf(info);
    this.name = setup.config.bucket;
    this.stream = streamName(this.name);
    this.prefix = subjectPrefix(this.name);
    this.incarnation = info.created;
    this.context = context;
    this.jetstream = jetstream;
    this.capabilities = capabilities;
    this.faults = faults;
    this.#setup = setup;
    this.#raw = info.config;
    this.#head = info.state.last_seq;
    this.#told = info.state.last_seq;
  }

  /** How the bucket is set up, as far as is known. */
  get setup(): BucketSetup {
    return this.#setup;
  }

  /** The stream's config as the server gave it. */
  get raw(): StreamConfig {
    return this.#raw;
  }

  get head(): number {
    return this.#head;
  }

  /** How long the server knows by which id a message was sent, in milliseconds. */
  get duplicateWindow(): number {
    return fromNanos(this.#raw.duplicate_window ?? 0);
  }

  /** @throws `BUCKET_NOT_FOUND` when it is known to be gone */
  checkLife(): void {
    if (this.#isGone) throw bucketGone();
  }

  /** The revision is given: no later write has it or a lower one. */
  saw(revision: number): void {
    if (revision > this.#head) this.#head = revision;
  }

  /** The leader says that the revision is the newest. */
  heard(revision: number | undefined): void {
    if (revision === undefined) return;
    this.#told = revision;
    this.saw(revision);
  }

  /** True where a revision that a key must have is only safe to ask for if no other key is written to meanwhile either. */
  get hasEarlyChecks(): boolean {
    return this.faults.earlyChecks && this.#setup.settings.replicas > 1;
  }

  /** Under what a write is stored that expects a revision of its key. */
  condition(expect: number | undefined): Condition {
    const isUnsafe = this.hasEarlyChecks && expect !== undefined && expect > 0;
    return isUnsafe ? { key: expect, bucket: this.#told } : { key: expect };
  }

  wrote(key: string, revision: number, purged: boolean): void {
    this.saw(revision);
    this.#told = Math.max(this.#told, revision);
    for (const observer of this.observers) observer.wrote(key, revision, purged);
  }

  /** Somebody changed the config: it is read again before it is relied on. */
  outdated(): void {
    this.#isStale = true;
  }

  /** The bucket was deleted (rule B11). */
  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    // Whoever looks now hears of it.
    this.#isStale = true;
    for (const observer of [...this.observers]) observer.gone();
  }

  /** Takes over what the server says of the stream; another incarnation means that this one is gone. */
  learn(info: StreamInfo): void {
    if (info.created !== this.incarnation) {
      this.gone();
      throw bucketGone();
    }
    this.#setup = setupOf(info);
    this.#raw = info.config;
    this.heard(info.state.last_seq);
    this.#isStale = false;
  }

  /** Asks the server about the bucket. */
  async refresh(call: Call): Promise<StreamInfo> {
    this.checkLife();
    const info = await this.attempt(this.jetstream.request<StreamInfo>(`STREAM.INFO.${this.stream}`, undefined, call));
    this.learn(info);
    return info;
  }

  /** What rows need to know, as it is now. */
  async frame(call: Call): Promise<RowFrame> {
    if (this.#isStale) await this.refresh(call);
    return this.knownFrame;
  }

  get isStale(): boolean {
    return this.#isStale;
  }

  get knownFrame(): RowFrame {
    return { prefix: this.prefix, ttl: this.#setup.config.ttl };
  }

  /** The newest row of a key, marker or not; undefined when there is none. */
  async newest(key: string, call: Call): Promise<Row | undefined> {
    if (this.#isStale) await this.refresh(call);
    this.checkLife();
    if (this.#isDirect) {
      const message = await this.#directly(`.${this.prefix}${key}`, "");
      const code = message?.headers?.code ?? 0;
      if (message !== undefined && (code === 0 || code === 404)) {
        const frame = this.#isStale ? await this.frame(call) : this.knownFrame;
        this.checkLife();
        return code === 404 ? undefined : rowOfDirect(message, frame);
      }
    }
    const stored = await this.stored({ last_by_subj: `${this.prefix}${key}` }, call);
    return stored && rowOfStored(stored, await this.frame(call));
  }

  /** The first row from a revision on whose subject matches; undefined when there is none. */
  async next(subject: string, from: number, call: Call): Promise<Row | undefined> {
    if (this.#isStale) await this.refresh(call);
    this.checkLife();
    const query = { seq: from, next_by_subj: this.#isAll(subject) ? ">" : subject };
    if (this.#isDirect) {
      const message = await this.#directly("", JSON.stringify(query));
      const code = message?.headers?.code ?? 0;
      if (code === 404) return undefined;
      if (message !== undefined && code === 0) return rowOfDirect(message, this.knownFrame);
    }
    const stored = await this.stored(query, call);
    return stored && rowOfStored(stored, await this.frame(call));
  }

  /** A subject that every message is on: old servers look through all subjects for anything but `>`. */
  #isAll(subject: string): boolean {
    const { subjects = [], mirror, sources } = this.#raw;
    return subjects.length === 1 && subjects[0] === subject && mirror === undefined && sources === undefined;
  }

  /** The keys that have rows on a subject, in no order. */
  async keys(subject: string, call: Call): Promise<readonly string[]> {
    const keys: string[] = [];
    for (;;) {
      const query = { subjects_filter: `${this.prefix}${subject}`, offset: keys.length };
      const info = await this.attempt(this.jetstream.request<StreamInfo>(`STREAM.INFO.${this.stream}`, query, call));
      this.learn(info);
      const subjects = Object.keys(info.state.subjects ?? {});
      for (const one of subjects) keys.push(one.slice(this.prefix.length));
      if (subjects.length === 0 || keys.length >= (info.total ?? 0)) return keys;
    }
  }

  /** A stream without replicas answers directly what it has stored: no other server could be behind. */
  get #isDirect(): boolean {
    return this.#raw.allow_direct === true && this.#setup.settings.replicas === 1;
  }

  /** Asks whoever holds the stream; undefined when nobody answers. */
  async #directly(suffix: string, query: string): Promise<Msg | undefined> {
    const { link } = this.jetstream;
    if (!link.isConnected) return undefined;
    try {
      const message = await link.ask(`$JS.API.DIRECT.GET.${this.stream}${suffix}`, query);
      return isUnheard(message) ? undefined : message;
    } catch (error) {
      if (error instanceof Unanswered) return undefined;
      throw error;
    }
  }

  /** A message as its leader has it; undefined when there is none. */
  async stored(
    which: { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj?: string },
    call: Call,
  ): Promise<StoredMessage | undefined> {
    if (this.#isStale) await this.refresh(call);
    this.checkLife();
    try {
      const answer = await this.attempt(
        this.jetstream.request<{ readonly message: StoredMessage }>(`STREAM.MSG.GET.${this.stream}`, which, call),
      );
      this.checkLife();
      return answer.message;
    } catch (error) {
      if (isRefused(error, errorCode.noMessage)) return undefined;
      throw error;
    }
  }

  /** Marks the bucket as gone when that is why a request was refused. */
  async attempt<Answer>(request: Promise<Answer>): Promise<Answer> {
    try {
      return await request;
    } catch (error) {
      if (isRefused(error, errorCode.streamNotFound)) this.gone();
      this.checkLife();
      throw error;
    }
  }
}
