import { setTimeout as delay } from "node:timers/promises";
import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import type { BatchLimits } from "./batches.ts";
import type { BucketWriter } from "./bucket-writer.ts";
import { MirrorConflict } from "./mirror-conflict.ts";
import type { PendingBatch } from "./mirror-state.ts";
import type { TransferEntry } from "./record.ts";

/** How long to wait for a store that is away, in milliseconds: at first, and at most. */
const firstWait = 250;
const longestWait = 10_000;

/** The bucket that a mirror writes to, and nobody else: each batch gets there once, whatever happens. */
export class MirrorTarget {
  readonly #writer: BucketWriter;
  /** The newest revision that is known to be there. */
  head: number;

  constructor(writer: BucketWriter, head: number) {
    this.#writer = writer;
    this.head = head;
  }

  get limits(): BatchLimits {
    return this.#writer.limits;
  }

  get #bucket(): KeyValue {
    return this.#writer.bucket;
  }

  /**
   * Looks how much of a batch has been written behind {@link MirrorTarget.head}: all of it, or the keys whose entries are
   * there.
   *
   * @throws MirrorConflict when something else was written
   */
  async outcome(pending: PendingBatch | undefined): Promise<"all" | ReadonlySet<string>> {
    const written = await this.#writtenSince(this.head);
    if (written.length === 0) return new Set();
    if (pending === undefined) throw new MirrorConflict(this.#bucket.bucket);
    if (!this.#writer.isAtomic) return new Set(written.map(({ key }) => key));
    const { lastRevision } = await this.#bucket.status();
    if (lastRevision - this.head < pending.entries) throw new MirrorConflict(this.#bucket.bucket);
    return "all";
  }

  /** Writes a batch, or what is missing of it; a store that is away is waited for. */
  async write(
    batch: readonly TransferEntry[],
    pending: PendingBatch,
    retry: RetryOptions,
    part: "whole" | "rest" = "whole",
  ): Promise<void> {
    let rest = batch;
    let hasFailed = part === "rest";
    for (let wait = firstWait; ; wait = Math.min(wait * 2, longestWait)) {
      try {
        const revisions = await this.#writer.write(rest);
        if (!hasFailed) await this.#checkAlone(revisions);
        break;
      } catch (error) {
        if (!isPassing(error)) throw error;
        hasFailed = true;
        retry.onRetry(error);
        await delay(wait, undefined, { signal: retry.signal });
        const outcome = await this.#whenThere(() => this.outcome(pending), retry);
        if (outcome === "all") break;
        rest = rest.filter(({ key }) => !outcome.has(key));
        if (rest.length === 0) break;
      }
    }
    if (hasFailed) await this.#whenThere(() => this.catchUp(), retry);
  }

  /** Takes all that is there for written by this mirror. */
  async catchUp(): Promise<void> {
    this.head = (await this.#bucket.status()).lastRevision;
  }

  /** Nothing was written between our writes but what the storage itself writes: the markers of what has expired. */
  async #checkAlone(revisions: readonly number[]): Promise<void> {
    const highest = Math.max(...revisions);
    if (highest - this.head !== revisions.length) {
      const ours = new Set(revisions);
      const others = (await this.#writtenSince(this.head)).filter(
        ({ revision }) => revision <= highest && !ours.has(revision),
      );
      if (others.length > 0) throw new MirrorConflict(this.#bucket.bucket);
    }
    this.head = highest;
  }

  /** The entries behind a revision, but for the markers of what has expired. */
  async #writtenSince(head: number): Promise<KeyValueEntry[]> {
    const entries: KeyValueEntry[] = [];
    for await (const entry of await this.#watchFrom(head)) {
      if (entry === null) break;
      if (entry.revision > head && entry.reason === undefined) entries.push(entry);
    }
    return entries;
  }

  async #watchFrom(head: number): Promise<AsyncIterable<KeyValueEntry | null>> {
    try {
      return await this.#bucket.watch(">", { resumeFromRevision: head + 1, metaOnly: true });
    } catch (error) {
      // Somebody has compacted the bucket: what is left is found by going through all of it.
      if (!isKeyValueError(error, "REVISION_COMPACTED")) throw error;
      return await this.#bucket.watch(">", { includeHistory: true, metaOnly: true });
    }
  }

  async #whenThere<T>(ask: () => Promise<T>, { signal }: RetryOptions): Promise<T> {
    for (let wait = firstWait; ; wait = Math.min(wait * 2, longestWait)) {
      try {
        return await ask();
      } catch (error) {
        if (!isPassing(error)) throw error;
        await delay(wait, undefined, { signal });
      }
    }
  }
}

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly onRetry: (error: unknown) => void;
}

/** Tells whether it may be better in a moment. */
function isPassing(error: unknown): boolean {
  return (
    isKeyValueError(error, "UNAVAILABLE") ||
    isKeyValueError(error, "TIMEOUT") ||
    isKeyValueError(error, "OUTCOME_UNKNOWN")
  );
}
