import { randomBytes } from "node:crypto";
import type { Msg } from "@nats-io/transport-node";
import type { KeyFilter } from "@revkv/api";
import type { Call, Row } from "@revkv/api/adapter";
import { Backoff, historyLost } from "@revkv/api/adapter";
import { subjectOf } from "./covering-subject.ts";
import { placeOf } from "./delivery-place.ts";
import { pause } from "./jetstream.ts";
import { firstGap, leftOut } from "./left-out-rows.ts";
import type { NatsBucket } from "./nats-bucket.ts";
import type { Pace } from "./pull-request.ts";
import { calm, pullRequest, quick } from "./pull-request.ts";
import { rowOfDelivered } from "./rows.ts";

import type { ConsumerConfig } from "./wire.ts";
import { toNanos } from "./wire.ts";

/** The most messages of one pull, and about the most bytes. */
const [pullMessages, pullBytes] = [256, 2 ** 20];

/** How long the server keeps a consumer that nobody pulls from, in milliseconds. */
const inactiveThreshold = 30_000;

/** How old what was read ahead may be while nobody tells what became of it, in milliseconds. */
const staleAfter = 200;

const noBytes = new Uint8Array(0);

/** What to read of a bucket. */
export interface LogQuery {
  readonly filter: KeyFilter;
  /** `"newest"`: only the newest row of each key, as far as they were there at the beginning. */
  readonly rows: "newest" | "all";
  /** The rows behind this revision. */
  readonly after: number;
  readonly values: boolean;
}

/** What happens while rows are waited for: some came, there are none for now, or one has to ask anew. */
type Event = "rows" | "idle" | "ended";

/**
 * Reads a bucket's rows in revision order, from a position on. The server's consumers are its cursors: one that is lost, with
 * a connection or a server, is replaced by another that begins where the last row was given, so that nothing is missed or
 * given twice. Messages are pulled when rows are asked for, a page at a time.
 */
export class LogReader {
  readonly #bucket: NatsBucket;
  readonly #filter: KeyFilter;
  readonly #values: boolean;
  #rows: "newest" | "all";
  #position: number;
  #consumer: string | undefined;
  #isFirst = true;
  /** Counts the consumer's deliveries: a gap means that some were lost. */
  #delivered = 0;
  /** What has come, in order, whether or not it matches. */
  #arrived: Row[] = [];
  #arrivedAt = 0;
  /** What may be taken. */
  #buffer: Row[] = [];
  /** The last row that was looked at, whether or not it matches. */
  #acceptedTo: number;
  /** Before the row of this revision some were left out that are not read yet; 0: nowhere. */
  #gapBefore = 0;
  /** What the server has still to give, as of the last message; undefined when nothing was said of it. */
  #rest: number | undefined;
  /** Up to here the server has looked for messages, as of its last word. */
  #serverAt = 0;
  /** Up to here it is known that no row is missing behind the position. */
  #checkedTo = 0;
  #address: { readonly address: string; close(): void } | undefined;
  #isPulling = false;
  #pulled = 0;
  #maxBytes = pullBytes;
  #isCalm = false;
  /** When the server was last heard, in milliseconds of the process's own clock. */
  #heard = 0;
  /** True when the consumer is gone, or something that it has given. */
  #isLost = false;
  #onEvent: ((event: Event) => void) | undefined;
  readonly #onChange: (connected: boolean) => void;

  constructor(bucket: NatsBucket, { filter, rows, after, values }: LogQuery) {
    this.#bucket = bucket;
    this.#filter = filter;
    this.#values = values;
    this.#rows = rows;
    this.#position = after;
    this.#acceptedTo = after;
    this.#onChange = (connected) => {
      if (!connected) this.#lose();
    };
    bucket.jetstream.link.onChange.add(this.#onChange);
  }

  /** The last row that was given, or where it began. */
  get position(): number {
    return this.#position;
  }

  /** What may be taken. */
  get buffered(): readonly Row[] {
    return this.#buffer;
  }

  /** What has been read and not been taken, as far as it is known to be there. */
  *ahead(): Generator<Row, void, undefined> {
    yield* this.#buffer;
    yield* this.#arrived;
  }

  /** True when everything that was there has been given. */
  get isDrained(): boolean {
    return this.#isEmpty && this.#rest === 0 && !this.#mustAsk;
  }

  get #isEmpty(): boolean {
    return this.#buffer.length === 0 && this.#arrived.length === 0;
  }

  /** True where what the server says of its end is to be checked: a replica may be behind, and old servers leave out rows. */
  get #mustAsk(): boolean {
    return this.#bucket.setup.settings.replicas > 1 || this.#bucket.faults.oddCursors;
  }

  /** Begins behind this revision instead; only before it is opened. */
  skipTo(revision: number): void {
    this.#position = revision;
    this.#acceptedTo = revision;
  }

  /** From now on every row is wanted, and waiting for the next may take long. */
  follow(): void {
    this.#rows = "all";
    this.#isCalm = true;
  }

  /** The next row that has been read. */
  take(): Row | undefined {
    const row = this.#buffer.shift();
    if (row !== undefined) this.#position = row.revision;
    return row;
  }

  /**
   * Forgets what was read ahead when it may be out of date: what happens to it meanwhile is told by later messages, but
   * none come when the pull has been used up.
   */
  refresh(): void {
    if (!this.#isPulling && performance.now() - this.#arrivedAt > staleAfter) this.forget();
  }

  /** Forgets what was read ahead: it is read anew. */
  forget(): void {
    if (!this.#isEmpty) this.#drop();
  }

  /**
   * Waits until there are rows to take; false when there are none for now, and the query is not to be followed, or none up
   * to a revision.
   */
  async more(call: Call, upTo: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    const backoff = new Backoff();
    for (;;) {
      this.#bucket.checkLife();
      if (this.#buffer.length > 0) return true;
      if (this.#position >= upTo) return false;
      if (this.#arrived.length > 0) {
        await this.#accept(call);
        continue;
      }
      if (this.#isLost) {
        this.#drop();
        await pause(backoff.next(), call.signal);
      }
      if (this.#consumer === undefined) await this.open(call);
      if (!this.#isCalm && this.#rest === 0) {
        if (await this.#isAtEnd(call, false)) return false;
        if (!this.#isEmpty || this.#isLost) continue;
      }
      if (!this.#isPulling) this.#startPull();
      if ((await this.#event(call)) === "idle" && (await this.#isAtEnd(call, true)) && !this.#isCalm) return false;
    }
  }

  /** Moves what has come to what may be taken, up to where an old server has left out rows: these are read first. */
  async #accept(call: Call): Promise<void> {
    if (this.#acceptedTo < this.#gapBefore) {
      await this.#fill(call);
      return;
    }
    const rows = [...this.#arrived];
    const missing = await this.#firstGap(rows, call);
    const complete = rows.slice(0, missing);
    this.#arrived.splice(0, complete.length);
    for (const row of complete) this.#push(row);
    this.#gapBefore = rows[complete.length]?.revision ?? 0;
  }

  #push(row: Row): void {
    this.#acceptedTo = row.revision;
    if (this.#filter.filters.length === 1 || this.#filter.matches(row.key)) this.#buffer.push(row);
    else if (this.#buffer.length === 0) this.#position = row.revision;
  }

  /** The index of the first row before which an old server has left out others; undefined when it has not. */
  async #firstGap(rows: readonly Row[], call: Call): Promise<number | undefined> {
    if (!this.#bucket.faults.oddCursors || this.#isByKey) return undefined;
    return await firstGap(this.#bucket, this.#subject, rows, this.#acceptedTo, call);
  }

  /** Reads a part of what was left out. */
  async #fill(call: Call): Promise<void> {
    const { rows, end } = await leftOut(this.#bucket, this.#subject, this.#acceptedTo + 1, this.#gapBefore, call);
    for (const row of rows) this.#push(this.#values ? row : { ...row, value: noBytes });
    this.#acceptedTo = end - 1;
    if (end === this.#gapBefore) this.#gapBefore = 0;
  }

  /**
   * Tells whether the server is right to say that it has nothing to give. If not, a replica will give it soon, but what an
   * old server has left out is read anew; what it has only miscounted it gives when it is pulled.
   */
  async #isAtEnd(call: Call, wasPulled: boolean): Promise<boolean> {
    const isSure = this.#isCalm
      ? !this.#bucket.faults.oddCursors || this.#serverAt <= this.#checkedTo
      : this.#rest === 0 && !this.#mustAsk;
    if (isSure) return this.#isEmpty;
    const upTo = this.#serverAt;
    const found = await this.#bucket.next(this.#subject, this.#acceptedTo + 1, call);
    if (!this.#isEmpty) return false;
    if (found === undefined) {
      this.#checkedTo = upTo;
      return true;
    }
    this.#rest = undefined;
    if (wasPulled && (this.#bucket.faults.oddCursors || this.#isByKey)) this.#isLost = true;
    return false;
  }

  /** What the server is asked to filter by. */
  get #subject(): string {
    return `${this.#bucket.prefix}${subjectOf(this.#filter)}`;
  }

  /** True while the server gives one row for each key, by a list that it has made at the beginning. */
  get #isByKey(): boolean {
    return this.#rows === "newest" && this.#bucket.setup.config.history > 1;
  }

  /** Begins at the position. */
  async open(call: Call): Promise<void> {
    const { stream, jetstream } = this.#bucket;
    if (!this.#isFirst) {
      const { state } = await this.#bucket.refresh(call);
      if (state.last_seq < this.#position) throw historyLost(this.#position, state.last_seq);
    }
    const isByKey = this.#isByKey;
    const config: ConsumerConfig & Readonly<Record<string, unknown>> = {
      deliver_policy: isByKey ? "last_per_subject" : "by_start_sequence",
      ...(isByKey ? {} : { opt_start_seq: this.#position + 1 }),
      filter_subject: this.#subject,
      headers_only: !this.#values,
      ack_policy: "none",
      inactive_threshold: toNanos(inactiveThreshold),
      mem_storage: true,
      num_replicas: 1,
    };
    let name = "";
    // A cluster may have given it to a server that is gone: another try is another consumer.
    const attempt = (): Promise<{ readonly num_pending: number }> => {
      name = `revkv_${randomBytes(9).toString("base64url")}`;
      const body = { stream_name: stream, config: { ...config, name } };
      return jetstream.attempt(`CONSUMER.CREATE.${stream}.${name}`, body, call);
    };
    const created = await this.#bucket.attempt(jetstream.change(attempt, async () => undefined, call));
    this.#isFirst = false;
    this.#consumer = name;
    this.#delivered = 0;
    this.#rest = created.num_pending;
  }

  /** Gives the consumer back. */
  close(): void {
    this.#bucket.jetstream.link.onChange.delete(this.#onChange);
    this.#drop();
  }

  #drop(): void {
    this.#buffer = [];
    this.#arrived = [];
    this.#acceptedTo = this.#position;
    this.#gapBefore = 0;
    this.#serverAt = 0;
    this.#rest = undefined;
    this.#isPulling = false;
    this.#isLost = false;
    this.#address?.close();
    this.#address = undefined;
    const { jetstream, stream } = this.#bucket;
    if (this.#consumer !== undefined) jetstream.link.tell(`$JS.API.CONSUMER.DELETE.${stream}.${this.#consumer}`, "");
    this.#consumer = undefined;
  }

  get #pace(): Pace {
    return this.#isCalm ? calm : quick;
  }

  #startPull(): void {
    const { jetstream, stream } = this.#bucket;
    if (this.#address === undefined) {
      const address = jetstream.link.listen((message) => {
        if (this.#address === address) this.#received(message);
      });
      this.#address = address;
    }
    this.#isPulling = true;
    this.#pulled = 0;
    this.#heard = performance.now();
    const request = pullRequest(this.#pace, pullMessages, this.#maxBytes);
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${this.#consumer ?? ""}`;
    jetstream.link.tell(subject, request, this.#address.address);
  }

  #received(message: Msg): void {
    this.#heard = performance.now();
    const code = message.headers?.code ?? 0;
    if (code === 0) this.#delivery(message);
    else if (code === 100) {
      this.#serverAt = Number(message.headers?.get("Nats-Last-Stream")) || this.#serverAt;
      this.#onEvent?.("idle");
    } else {
      const description = message.headers?.description.toLowerCase() ?? "";
      // The last message of a pull says so by itself.
      if (description.includes("batch completed")) return;
      this.#isPulling = false;
      if (code === 404 || code === 408) this.#onEvent?.("ended");
      else if (description.includes("maxbytes")) {
        if (this.#pulled === 0) this.#maxBytes *= 2;
        this.#onEvent?.("ended");
      } else this.#lose();
    }
  }

  #delivery(message: Msg): void {
    const { delivered, revision, created, pending } = placeOf(message.reply ?? "");
    if (delivered !== this.#delivered + 1) {
      this.#lose();
      return;
    }
    this.#delivered = delivered;
    this.#pulled += 1;
    this.#rest = pending;
    this.#arrivedAt = this.#heard;
    this.#bucket.saw(revision);
    if (this.#pulled >= pullMessages) this.#isPulling = false;
    const last = this.#arrived.at(-1)?.revision ?? this.#acceptedTo;
    // Old servers give the next message once more in place of one that is gone.
    if (revision > last) this.#arrived.push(rowOfDelivered(message, revision, created, this.#bucket.knownFrame));
    if (this.#arrived.length > 0) this.#onEvent?.("rows");
    else if (pending === 0) this.#onEvent?.("idle");
    else if (!this.#isPulling) this.#onEvent?.("ended");
  }

  #lose(): void {
    this.#isLost = true;
    this.#isPulling = false;
    this.#onEvent?.("ended");
  }

  /** Waits for what happens next; when the server is not heard at all the consumer is lost. */
  #event({ signal }: Call): Promise<Event> {
    signal.throwIfAborted();
    const limit = this.#pace.heartbeat * 2 + 1000;
    return new Promise<Event>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#onEvent = undefined;
      };
      const abort = (): void => {
        end();
        reject(signal.reason);
      };
      const check = (): void => {
        const rest = this.#heard + limit - performance.now();
        if (rest > 0) timer = setTimeout(check, rest);
        else this.#lose();
      };
      let timer = setTimeout(check, limit);
      this.#onEvent = (event) => {
        end();
        resolve(event);
      };
      signal.addEventListener("abort", abort);
    });
  }
}
