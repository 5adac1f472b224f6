import { randomBytes } from "node:crypto";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { headers as newHeaders } from "@nats-io/transport-node";
import { KeyValueError } from "@revkv/api";
import type { Call, Value } from "@revkv/api/adapter";
import { Backoff, lateError, lengthOf, tooLarge } from "@revkv/api/adapter";
import { pause } from "./jetstream.ts";
import { isUnheard } from "./link.ts";
import type { NatsBucket } from "./nats-bucket.ts";
import { headersOfStored } from "./rows.ts";
import { headerBytes } from "./stream-config.ts";
import { apiError, isPassing, Unanswered } from "./translate-error.ts";
import type { ApiError } from "./wire.ts";
import { errorCode, header } from "./wire.ts";

/** The most writes of a bucket that wait for an answer at a time, and the most bytes (rule E5). */
const [mostInFlight, mostBytesInFlight] = [1024, 16 * 2 ** 20];

/** How many keys are looked after at a time when answers were lost. */
const keysAtATime = 32;

/** A revision that no key has: a message that expects it is stored in no case, but is told if it was stored before. */
const impossibleRevision = Number.MAX_SAFE_INTEGER;

/** A message that is to be stored. */
export interface Write {
  readonly op: "put" | "delete" | "purge";
  readonly key: string;
  readonly value: Value;
  /** The revision that the key's newest entry must have; 0: none; undefined: whatever it has. */
  readonly expect: number | undefined;
  /** How long the entry lives, in whole seconds. */
  readonly ttl?: number | undefined;
}

/** What became of a write: the revision that it has, or the one that the key has instead of the expected. */
export type Written = { readonly revision: number } | { readonly actual: number };

interface Item {
  readonly write: Write;
  readonly id: string;
  readonly bytes: number;
  readonly deadline: number;
  /** The place in the order in which the writes were made. */
  readonly order: number;
  /** What is older than this was there before the write was sent. */
  floor: number;
  /** True once it may have been stored without our knowing. */
  isUncertain: boolean;
  /** True when a later write to the same key has been stored: this one must not follow it. */
  wasOvertaken: boolean;
  isSettled: boolean;
  /** Why it was not carried out so far. */
  problem: KeyValueError | undefined;
  readonly resolve: (written: Written) => void;
  readonly reject: (reason: unknown) => void;
}

interface PubAck extends Partial<Record<"seq", number>> {
  readonly error?: ApiError;
  readonly duplicate?: boolean;
}

/**
 * The writes of one bucket. Each carries an id by which the server tells a message that it has stored already, so that a
 * write whose answer was lost can be asked about and sent again without being carried out twice (rule M10). Writes of one
 * key keep their order.
 */
export class Writer {
  readonly #bucket: NatsBucket;
  readonly #idPrefix: string = randomBytes(9).toString("base64url");
  #queue: Item[] = [];
  readonly #inFlight: Set<Item> = new Set();
  #bytesInFlight = 0;
  #lost: Item[] = [];
  #isRecovering = false;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #isWaiting = false;

  constructor(bucket: NatsBucket) {
    this.#bucket = bucket;
  }

  /** Carries out a write; rejects with `TIMEOUT`, `OUTCOME_UNKNOWN`, what the server says, or the signal's reason. */
  submit(write: Write, signal: AbortSignal | undefined): Promise<Written> {
    const { context } = this.#bucket;
    const result = new Promise<Written>((resolve, reject) => {
      const abort = (): void => item.reject(signal?.reason);
      const end = (): boolean => {
        if (item.isSettled) return false;
        item.isSettled = true;
        signal?.removeEventListener("abort", abort);
        return true;
      };
      this.#count += 1;
      const item: Item = {
        write,
        id: `${this.#idPrefix}${this.#count.toString(36)}`,
        bytes: lengthOf(write.value) + write.key.length,
        deadline: performance.now() + context.timeout,
        order: this.#count,
        floor: 0,
        isUncertain: false,
        wasOvertaken: false,
        isSettled: false,
        problem: undefined,
        resolve: (written) => end() && resolve(written),
        reject: (reason) => end() && reject(reason),
      };
      signal?.addEventListener("abort", abort);
      this.#queue.push(item);
    });
    this.#pump();
    this.#watchDeadlines();
    return context.track(result);
  }

  /** Sends what may be sent. */
  #pump(): void {
    if (this.#isRecovering) return;
    const { link } = this.#bucket.jetstream;
    let taken = 0;
    for (const item of this.#queue) {
      if (item.isSettled) {
        taken += 1;
        continue;
      }
      const isFull =
        this.#inFlight.size >= mostInFlight ||
        (this.#inFlight.size > 0 && this.#bytesInFlight + item.bytes > mostBytesInFlight);
      if (isFull) break;
      if (!link.isConnected) {
        this.#whenConnected();
        break;
      }
      taken += 1;
      this.#send(item);
    }
    if (taken > 0) this.#queue = this.#queue.slice(taken);
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

  #send(item: Item): void {
    item.floor = this.#bucket.head;
    this.#inFlight.add(item);
    this.#bytesInFlight += item.bytes;
    this.#publish(item, item.write.expect).then(
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

  #publish({ write, id }: Item, expect: number | undefined): Promise<Msg> {
    const { jetstream, prefix } = this.#bucket;
    const value = typeof write.value === "string" ? Buffer.from(write.value, "utf8") : write.value;
    const headers = this.#headers(write, id, expect);
    return jetstream.link.ask(`${prefix}${write.key}`, value, headers);
  }

  #headers({ op, ttl }: Write, id: string, expect: number | undefined): MsgHdrs {
    const headers = newHeaders();
    headers.append(header.messageId, id);
    if (expect !== undefined) headers.append(header.expectedRevision, String(expect));
    if (op !== "put") headers.append(header.operation, op === "delete" ? "DEL" : "PURGE");
    if (op === "purge") headers.append(header.rollup, "sub");
    if (ttl !== undefined) headers.append(header.ttl, `${ttl}s`);
    if (op === "put" && this.#bucket.setup.config.maxValueSize !== undefined) {
      headers.append(header.padding, "-".repeat(headerBytes - bytesOf(headers) - (header.padding.length + 4)));
    }
    return headers;
  }

  #answered(item: Item, message: Msg): void {
    if (isUnheard(message)) {
      item.problem = new KeyValueError("UNAVAILABLE", "nobody takes writes of the bucket");
      this.#lose(item);
      return;
    }
    const answer = message.json<PubAck>();
    if (answer.error === undefined) this.#stored(item, answer);
    else if (isPassing(answer.error)) {
      item.problem = apiError(answer.error);
      if (answer.error.err_code === errorCode.duplicateInProcess) item.isUncertain = true;
      this.#lose(item);
    } else this.#refused(item, answer.error);
  }

  #stored(item: Item, { seq = 0 }: PubAck): void {
    const { key, op } = item.write;
    this.#bucket.wrote(key, seq, op === "purge");
    for (const earlier of this.#inFlight) {
      // Answers come in the order in which the messages were stored.
      if (earlier.order >= item.order) break;
      if (earlier.write.key === key) earlier.wasOvertaken = true;
    }
    for (const lost of this.#lost) if (lost.write.key === key && lost.order < item.order) lost.wasOvertaken = true;
    item.resolve({ revision: seq });
  }

  #refused(item: Item, error: ApiError): void {
    const actual = actualOf(error);
    if (actual !== undefined) {
      this.#bucket.saw(actual);
      item.resolve({ actual });
    } else if (error.err_code === errorCode.wrongLastSequenceUnknown) {
      // A newer server that does not say which it is; whoever needs to know asks.
      item.resolve({ actual: -1 });
    } else if (error.err_code === errorCode.messageTooLarge) {
      const length = lengthOf(item.write.value);
      item.reject(tooLarge(length, this.#bucket.setup.config.maxValueSize ?? length - 1));
    } else item.reject(apiError(error));
  }

  #landed(item: Item): void {
    if (this.#inFlight.delete(item)) this.#bytesInFlight -= item.bytes;
    if (this.#isRecovering && this.#inFlight.size === 0) void this.#recover();
    else this.#pump();
  }

  /** Nobody knows what became of it: nothing more is sent until that is found out, so that order is kept. */
  #lose(item: Item): void {
    if (item.isSettled) return;
    this.#lost.push(item);
    if (this.#isRecovering) return;
    this.#isRecovering = true;
    if (this.#inFlight.size === 0) void this.#recover();
  }

  async #recover(): Promise<void> {
    const lost = this.#lost.sort((a, b) => a.order - b.order);
    this.#lost = [];
    const byKey = new Map<string, Item[]>();
    for (const item of lost) {
      const items = byKey.get(item.write.key);
      if (items === undefined) byKey.set(item.write.key, [item]);
      else items.push(item);
    }
    const groups = byKey.values();
    const work = async (): Promise<void> => {
      for (const items of groups) await this.#recoverInOrder(items);
    };
    await Promise.all(Array.from({ length: keysAtATime }, work));
    if (this.#lost.length > 0) {
      void this.#recover();
      return;
    }
    this.#isRecovering = false;
    this.#pump();
  }

  /** Finds out what became of writes to one key, one after the other. */
  async #recoverInOrder(items: readonly Item[]): Promise<void> {
    let floor = 0;
    for (const item of items) {
      item.floor = Math.max(item.floor, floor);
      const rest = Math.max(0, item.deadline - performance.now());
      const call: Call = { signal: AbortSignal.timeout(Math.ceil(rest) + 1) };
      try {
        floor = Math.max(floor, await this.#find(item, call));
      } catch (error) {
        if (call.signal.aborted) this.#expire(item);
        else item.reject(error);
      }
    }
  }

  /**
   * Finds out whether a write was stored and sends it again if it certainly was not; returns its revision, or 0. What was
   * stored is found as the key's newest message, or by sending it again in such a way that it can only be stored if
   * nobody has written to the key since.
   */
  async #find(item: Item, call: Call): Promise<number> {
    const { key, expect } = item.write;
    const backoff = new Backoff();
    for (; !item.isSettled; await pause(backoff.next(), call.signal)) {
      const last = await this.#bucket.stored({ last_by_subj: `${this.#bucket.prefix}${key}` }, call);
      const revision = last?.seq ?? 0;
      if (last !== undefined && headersOfStored(last).get(header.messageId) === item.id) {
        this.#stored(item, { seq: revision });
        return revision;
      }
      const isOvertaken = item.wasOvertaken || revision > item.floor;
      if (!item.isUncertain && item.wasOvertaken) {
        item.reject(item.problem ?? new KeyValueError("UNAVAILABLE", "the write was not carried out"));
        return 0;
      }
      if (item.isUncertain && !isOvertaken && expect !== undefined && expect !== revision) {
        item.resolve({ actual: revision });
        return 0;
      }
      const condition = !item.isUncertain ? expect : isOvertaken ? impossibleRevision : (expect ?? revision);
      const answer = await this.#again(item, condition, call);
      if (answer === undefined) continue;
      if (answer.error === undefined) {
        this.#stored(item, answer);
        return answer.duplicate === true ? 0 : (answer.seq ?? 0);
      }
      if (isPassing(answer.error)) continue;
      const isMismatch =
        actualOf(answer.error) !== undefined || answer.error.err_code === errorCode.wrongLastSequenceUnknown;
      if (!item.isUncertain) {
        this.#refused(item, answer.error);
        return 0;
      }
      if (isMismatch && !isOvertaken) continue;
      item.reject(
        isMismatch
          ? new KeyValueError("OUTCOME_UNKNOWN", `the write to "${key}" was sent, and others have written to it since`)
          : new KeyValueError("OUTCOME_UNKNOWN", `the write to "${key}" was sent, and cannot be asked about`, {
              cause: apiError(answer.error),
            }),
      );
    }
    return 0;
  }

  /** Sends it once more; undefined when there is no answer. */
  async #again(item: Item, expect: number | undefined, call: Call): Promise<PubAck | undefined> {
    const { link } = this.#bucket.jetstream;
    if (!link.isConnected) await link.ready(call.signal);
    // What the server may have forgotten can be stored twice.
    const age = performance.now() - (item.deadline - this.#bucket.context.timeout);
    if (item.isUncertain && age > this.#bucket.duplicateWindow / 2) {
      throw lateError(this.#bucket.context.timeout, true);
    }
    try {
      const message = await this.#publish(item, expect);
      return isUnheard(message) ? undefined : message.json<PubAck>();
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (error.sent) item.isUncertain = true;
      return undefined;
    }
  }

  #expire(item: Item): void {
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
        for (const items of [this.#inFlight, this.#lost, this.#queue]) {
          for (const item of items) if (item.deadline <= now) this.#expire(item);
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
    for (const items of [this.#inFlight, this.#lost, this.#queue]) {
      for (const item of items) {
        if (item.isSettled) continue;
        if (oldest === undefined || item.deadline < oldest) oldest = item.deadline;
        break;
      }
    }
    return oldest;
  }
}

/** How long headers are as they are sent: a line each, a first line, and an empty one. */
function bytesOf(headers: MsgHdrs): number {
  let bytes = 12;
  for (const [name, values] of headers) for (const value of values) bytes += name.length + value.length + 4;
  return bytes;
}

/** The revision that the key has instead of the expected one; undefined when that is not what the error is about. */
function actualOf({ err_code, description = "" }: ApiError): number | undefined {
  if (err_code !== errorCode.wrongLastSequence) return undefined;
  const found = /wrong last sequence: (\d+)/.exec(description)?.[1];
  return found === undefined ? undefined : Number(found);
}
