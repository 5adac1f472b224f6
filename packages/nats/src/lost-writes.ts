import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { Backoff, lateError } from "@revkv/api/adapter";
import { pause } from "./jetstream.ts";
import { isUnheard } from "./link.ts";
import type { NatsBucket } from "./nats-bucket.ts";
import type { PendingWrite } from "./pending-write.ts";
import { headersOfStored } from "./rows.ts";
import { apiError, isPassing, translateError, Unanswered } from "./translate-error.ts";
import { header } from "./wire.ts";
import type { Condition, PubAck } from "./write-message.ts";
import { actualOf, isMismatch, never, publish } from "./write-message.ts";

/** What a write ends with about which nobody can be asked any more (rule M10). */
function failure({ write, isUncertain }: PendingWrite, error: unknown): KeyValueError {
  const known = translateError(error, false);
  if (!isUncertain || known.code === "OUTCOME_UNKNOWN" || known.code === "BUCKET_NOT_FOUND") return known;
  const message = `the write to "${write.key}" was sent, and cannot be asked about`;
  return new KeyValueError("OUTCOME_UNKNOWN", message, { cause: known });
}

/** How many keys are looked after at a time. */
const keysAtATime = 32;

/** Who is told what became of writes. */
export interface WriteJournal {
  stored(item: PendingWrite, ack: PubAck): void;
  refused(item: PendingWrite, error: NonNullable<PubAck["error"]>): void;
  expired(item: PendingWrite): void;
}

/** Finds out what became of writes whose answers were lost, and makes anew those that were certainly not carried out. */
export class LostWrites {
  readonly #bucket: NatsBucket;
  readonly #journal: WriteJournal;
  #items: PendingWrite[] = [];

  constructor(bucket: NatsBucket, journal: WriteJournal) {
    this.#bucket = bucket;
    this.#journal = journal;
  }

  get items(): readonly PendingWrite[] {
    return this.#items;
  }

  add(item: PendingWrite): void {
    this.#items.push(item);
  }

  /** Settles all, those that are added meanwhile too: writes to one key one after the other. */
  async recover(): Promise<void> {
    while (this.#items.length > 0) {
      const lost = this.#items.toSorted((a, b) => a.order - b.order);
      this.#items = [];
      const groups = Map.groupBy(lost, ({ write }) => write.key).values();
      const work = async (): Promise<void> => {
        for (const items of groups) await this.#recoverInOrder(items);
      };
      await Promise.all(Array.from({ length: keysAtATime }, work));
    }
  }

  async #recoverInOrder(items: readonly PendingWrite[]): Promise<void> {
    let floor = 0;
    for (const item of items) {
      item.floor = Math.max(item.floor, floor);
      const rest = Math.max(0, item.deadline - performance.now());
      const call: Call = { signal: AbortSignal.timeout(Math.ceil(rest) + 1) };
      try {
        floor = Math.max(floor, await this.#find(item, call));
      } catch (error) {
        if (call.signal.aborted) this.#journal.expired(item);
        else item.reject(failure(item, error));
      }
    }
  }

  /**
   * Finds out whether a write was stored and sends it again if it certainly was not; returns its revision, or 0. What was
   * stored is found as the key's newest message, or by sending it again in such a way that it can only be stored if
   * nobody has written to the key since.
   */
  async #find(item: PendingWrite, call: Call): Promise<number> {
    const { key, expect } = item.write;
    let backoff = new Backoff();
    for (; !item.isSettled; await pause(backoff.next(), call.signal)) {
      const last = await this.#bucket.stored({ last_by_subj: `${this.#bucket.prefix}${key}` }, call);
      const revision = last?.seq ?? 0;
      if (last !== undefined && headersOfStored(last).get(header.messageId) === item.id) {
        this.#journal.stored(item, { seq: revision });
        return revision;
      }
      const isOvertaken = item.wasOvertaken || revision > item.floor;
      const isAsExpected = expect === undefined || expect === revision;
      if (!isAsExpected && !(item.isUncertain && isOvertaken)) {
        item.resolve({ actual: revision });
        return 0;
      }
      if (!item.isUncertain && item.wasOvertaken) {
        item.reject(item.problem ?? new KeyValueError("UNAVAILABLE", "the write was not carried out"));
        return 0;
      }
      const answer = await this.#again(item, this.#condition(item, isOvertaken, revision), call);
      if (answer === undefined) continue;
      if (answer.error === undefined) {
        this.#journal.stored(item, answer);
        return answer.duplicate === true ? 0 : (answer.seq ?? 0);
      }
      if (isPassing(answer.error)) continue;
      if (isMismatch(answer.error)) {
        if (!(item.isUncertain && isOvertaken)) {
          this.#bucket.heard(actualOf(answer.error));
          backoff = new Backoff();
          continue;
        }
        const message = `the write to "${key}" was sent, and others have written to it since`;
        item.reject(new KeyValueError("OUTCOME_UNKNOWN", message));
      } else if (item.isUncertain) {
        item.reject(failure(item, apiError(answer.error)));
      } else this.#journal.refused(item, answer.error);
      return 0;
    }
    return 0;
  }

  #condition({ write, isUncertain }: PendingWrite, isOvertaken: boolean, revision: number): Condition {
    if (!isUncertain) return this.#bucket.condition(write.expect);
    return isOvertaken ? never : this.#bucket.condition(write.expect ?? revision);
  }

  /** Sends it once more; undefined when there is no answer. */
  async #again(item: PendingWrite, condition: Condition, call: Call): Promise<PubAck | undefined> {
    const { link } = this.#bucket.jetstream;
    if (!link.isConnected) await link.ready(call.signal);
    // What the server may have forgotten can be stored twice.
    const age = performance.now() - (item.deadline - this.#bucket.context.timeout);
    if (item.isUncertain && age > this.#bucket.duplicateWindow / 2) {
      throw lateError(this.#bucket.context.timeout, true);
    }
    try {
      const message = await publish(this.#bucket, item, condition);
      return isUnheard(message) ? undefined : message.json<PubAck>();
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (error.sent) item.isUncertain = true;
      return undefined;
    }
  }
}
