import { randomBytes } from "node:crypto";
import type { Msg } from "@nats-io/transport-node";
import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { lateError, lengthOf, tooLarge } from "@revkv/api/adapter";
import { isUnheard } from "./link.ts";
import type { WriteJournal } from "./lost-writes.ts";
import { LostWrites } from "./lost-writes.ts";
import type { NatsBucket } from "./nats-bucket.ts";
import type { Write, Written } from "./pending-write.ts";
import { PendingWrite } from "./pending-write.ts";
import { apiError, isPassing, translateError, Unanswered } from "./translate-error.ts";
import type { ApiError } from "./wire.ts";
import { errorCode } from "./wire.ts";
import type { PubAck } from "./write-message.ts";
import { actualOf, isMismatch, publish } from "./write-message.ts";

/** The most writes of a bucket that wait for an answer at a time, and the most bytes (rule E5). */
const [mostInFlight, mostBytesInFlight] = [1024, 16 * 2 ** 20];

/**
 * The writes of one bucket. Each carries an id by which the server tells a message that it has stored already, so that a
 * write whose answer was lost can be asked about and sent again without being carried out twice (rule M10). Writes of one
 * key keep their order.
 */
export class Writer implements WriteJournal {
  readonly #bucket: NatsBucket;
  readonly #idPrefix: string = randomBytes(9).toString("base64url");
  readonly #lost: LostWrites;
  #queue: PendingWrite[] = [];
  readonly #inFlight: Set<PendingWrite> = new Set();
  #bytesInFlight = 0;
  #isRecovering = false;
  #isLooking = false;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #isWaiting = false;

  constructor(bucket: NatsBucket) {
    this.#bucket = bucket;
    this.#lost = new LostWrites(bucket, this);
  }

  /** Carries out a write; rejects with `TIMEOUT`, `OUTCOME_UNKNOWN`, what the server says, or the signal's reason. */
  submit(write: Write, signal: AbortSignal | undefined): Promise<Written> {
    const { context } = this.#bucket;
    this.#count += 1;
    const id = `${this.#idPrefix}${this.#count.toString(36)}`;
    const item = new PendingWrite(write, id, this.#count, performance.now() + context.timeout, signal);
    this.#queue.push(item);
    this.#pump();
    this.#watchDeadlines();
    return context.track(item.result);
  }

  /** Sends what may be sent. */
  #pump(): void {
    if (this.#isRecovering || this.#isLooking) return;
    const { link } = this.#bucket.jetstream;
    if (this.#bucket.isStale && link.isConnected && this.#queue.length > 0) {
      void this.#look();
      return;
    }
    let taken = 0;
    for (const item of this.#queue) {
      if (item.isSettled) {
        taken += 1;
        continue;
      }
      if (!this.#hasRoomFor(item)) break;
      if (!link.isConnected) {
        this.#whenConnected();
        break;
      }
      taken += 1;
      this.#send(item);
    }
    if (taken > 0) this.#queue = this.#queue.slice(taken);
  }

  /** What has waited is for this bucket, and not for one that has taken its place meanwhile (rule B11). */
  async #look(): Promise<void> {
    this.#isLooking = true;
    const call: Call = { signal: AbortSignal.timeout(this.#bucket.context.timeout) };
    try {
      await this.#bucket.refresh(call);
    } catch (error) {
      // Else it is late, and so are they.
      if (!call.signal.aborted) for (const item of this.#queue.splice(0)) item.reject(translateError(error, false));
    }
    this.#isLooking = false;
    this.#pump();
  }

  /** A condition on the whole bucket is one on what is in flight, too: whoever has one is in flight alone. */
  #hasRoomFor(item: PendingWrite): boolean {
    if (this.#inFlight.size === 0) return true;
    const [first] = this.#inFlight;
    const isAlone = [item, first].some((one) => this.#bucket.condition(one?.write.expect).bucket !== undefined);
    const fits = this.#bytesInFlight + item.bytes <= mostBytesInFlight;
    return this.#inFlight.size < mostInFlight && fits && !isAlone;
  }

  #whenConnected(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const { onChange } = this.#bucket.jetstream.link;
    const changed = (): void => {
      onChange.delete(changed);
      this.#isWaiting = false;
      this.#pump();
    };
    onChange.add(changed);
  }

  #send(item: PendingWrite): void {
    item.floor = this.#bucket.head;
    this.#inFlight.add(item);
    this.#bytesInFlight += item.bytes;
    publish(this.#bucket, item, this.#bucket.condition(item.write.expect)).then(
      (message) => {
        this.#answered(item, message);
        this.#landed(item);
      },
      (error: unknown) => {
        if (error instanceof Unanswered) {
          if (error.sent) item.isUncertain = true;
          this.#lose(item);
        } else item.reject(error);
        this.#landed(item);
      },
    );
  }

  #answered(item: PendingWrite, message: Msg): void {
    if (isUnheard(message)) {
      item.problem = new KeyValueError("UNAVAILABLE", "nobody takes writes of the bucket");
      this.#lose(item);
      return;
    }
    const answer = message.json<PubAck>();
    if (answer.error === undefined) this.stored(item, answer);
    else if (isPassing(answer.error)) {
      item.problem = apiError(answer.error);
      if (answer.error.err_code === errorCode.duplicateInProcess) item.isUncertain = true;
      this.#lose(item);
    } else this.refused(item, answer.error);
  }

  stored(item: PendingWrite, { seq = 0 }: PubAck): void {
    const { key, op } = item.write;
    this.#bucket.wrote(key, seq, op === "purge");
    for (const earlier of this.#inFlight) {
      // Answers come in the order in which the messages were stored.
      if (earlier.order >= item.order) break;
      if (earlier.write.key === key) earlier.wasOvertaken = true;
    }
    for (const lost of this.#lost.items) {
      if (lost.write.key === key && lost.order < item.order) lost.wasOvertaken = true;
    }
    item.resolve({ revision: seq });
  }

  refused(item: PendingWrite, error: ApiError): void {
    if (isMismatch(error)) {
      const actual = actualOf(error);
      this.#bucket.heard(actual);
      // Another key may have been written to, and not this one; and newer servers refuse what may be as expected while
      // another write to the key is on its way to the replicas. That is looked at as if the answer had been lost.
      const isOpen = actual === undefined || this.#bucket.condition(item.write.expect).bucket !== undefined;
      if (isOpen) this.#lose(item);
      else item.resolve({ actual });
    } else if (error.err_code === errorCode.messageTooLarge) {
      const length = lengthOf(item.write.value);
      const { maxValueSize = length - 1 } = this.#bucket.setup.config;
      // Another client's limit may leave no room for headers.
      item.reject(length > maxValueSize ? tooLarge(length, maxValueSize) : apiError(error));
    } else item.reject(apiError(error));
  }

  #landed(item: PendingWrite): void {
    if (this.#inFlight.delete(item)) this.#bytesInFlight -= item.bytes;
    if (this.#isRecovering && this.#inFlight.size === 0) void this.#recover();
    else this.#pump();
  }

  /** Nobody knows what became of it: nothing more is sent until that is found out, so that order is kept. */
  #lose(item: PendingWrite): void {
    if (item.isSettled) return;
    this.#lost.add(item);
    if (this.#isRecovering) return;
    this.#isRecovering = true;
    if (this.#inFlight.size === 0) void this.#recover();
  }

  async #recover(): Promise<void> {
    await this.#lost.recover();
    this.#isRecovering = false;
    this.#pump();
  }

  expired(item: PendingWrite): void {
    const { timeout } = this.#bucket.context;
    if (item.isUncertain || this.#inFlight.has(item)) item.reject(lateError(timeout, true));
    else item.reject(item.problem ?? lateError(timeout, false));
  }

  /** One timer for all writes: they are given the same time, the oldest come first. */
  #watchDeadlines(): void {
    if (this.#timer !== undefined) return;
    const first = this.#oldest();
    if (first === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        const now = performance.now();
        for (const items of [this.#inFlight, this.#lost.items, this.#queue]) {
          for (const item of items) if (item.deadline <= now) this.expired(item);
        }
        this.#queue = this.#queue.filter((item) => !item.isSettled);
        this.#watchDeadlines();
      },
      Math.max(1, first - performance.now()),
    );
    // While a write waits, the connection keeps the process running; when none does, nothing has to.
    this.#timer.unref();
  }

  /** The deadline of the oldest write that is not settled. */
  #oldest(): number | undefined {
    let oldest: number | undefined;
    for (const items of [this.#inFlight, this.#lost.items, this.#queue]) {
      for (const item of items) {
        if (item.isSettled) continue;
        if (oldest === undefined || item.deadline < oldest) oldest = item.deadline;
        break;
      }
    }
    return oldest;
  }
}
