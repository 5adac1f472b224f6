import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import type { BatchLimits } from "./batches.ts";
import { behindHead, haveOthersWritten, isOfTheStorage } from "./behind-head.ts";
import type { BucketWriter, Condition } from "./bucket-writer.ts";
import { firstFreshPut } from "./bucket-writer.ts";
import { MirrorConflict } from "./mirror-conflict.ts";
import type { EntryMark, PendingBatch } from "./mirror-state.ts";
import { isMarked } from "./mirror-state.ts";
import type { Patience } from "./patience.ts";
import { patiently } from "./patience.ts";
import type { TransferEntry } from "./record.ts";

/** What is there of a batch: all of it, or some of its entries. */
type Found = "all" | readonly KeyValueEntry[];

/** The bucket that a mirror writes to, and nobody else: each batch gets there once, whatever happens. */
export class MirrorTarget {
  readonly #writer: BucketWriter;
  /** The newest revision that this mirror is known to have written. */
  #head: number;

  constructor(writer: BucketWriter, head: number) {
    this.#writer = writer;
    this.#head = head;
  }

  get head(): number {
    return this.#head;
  }

  get limits(): BatchLimits {
    return this.#writer.limits;
  }

  /** True when a batch is there as a whole or not at all. */
  get isAtomic(): boolean {
    return this.#writer.isAtomic;
  }

  get #bucket(): KeyValue {
    return this.#writer.bucket;
  }

  /**
   * Looks what of a batch has been written behind {@link MirrorTarget.head}, which then is its end if that is all of it.
   *
   * @throws MirrorConflict when something else was written
   */
  async find(pending: PendingBatch | undefined): Promise<Found> {
    const there: KeyValueEntry[] = [];
    let last: KeyValueEntry | undefined;
    for await (const entry of this.#behindHead()) {
      if (entry.key === pending?.last.key) last = entry;
      if (isOfTheStorage(entry)) continue;
      there.push(entry);
      if (there.length > (pending?.entries ?? 0)) throw new MirrorConflict(this.#bucket.bucket);
    }
    const newest = there.at(-1);
    if (newest === undefined || !this.isAtomic) return there;
    if (pending === undefined || !(await this.#isAs(last, pending.last))) throw new MirrorConflict(this.#bucket.bucket);
    this.#head = newest.revision;
    return "all";
  }

  /**
   * Writes a batch, or, when it may be there already, what is missing of it; a store that is away is waited for. What was
   * sent before, by this mirror or by one that this has taken over from, may still be on its way: where there are
   * transactions only one of them is carried out.
   *
   * @throws MirrorConflict when something else was written
   */
  async write(
    batch: readonly TransferEntry[],
    pending: PendingBatch,
    patience: Patience,
    state: "new" | "doubtful" = "new",
  ): Promise<void> {
    let isNew = state === "new";
    await patiently(async () => {
      for (;;) {
        const found = isNew ? [] : await this.find(pending);
        if (found === "all") return;
        const keys = new Set(found.map(({ key }) => key));
        const missing = batch.filter(({ key }) => !keys.has(key));
        isNew = false;
        const revisions = await this.#writeOnce(missing);
        if (revisions !== undefined) {
          await this.#settle([...found.map(({ revision }) => revision), ...revisions]);
          return;
        }
      }
    }, patience);
  }

  /** Writes entries behind {@link MirrorTarget.head}; undefined when somebody has come before. */
  async #writeOnce(entries: readonly TransferEntry[]): Promise<readonly number[] | undefined> {
    if (entries.length === 0) return [];
    try {
      const condition = this.isAtomic ? await this.#conditionOf(entries) : undefined;
      return condition === "taken" ? undefined : await this.#writer.write(entries, condition);
    } catch (error) {
      if (isKeyValueError(error, "REVISION_MISMATCH")) return undefined;
      throw error;
    }
  }

  /** What holds until a batch is written, by whomever; undefined for markers of keys that have never been here. */
  async #conditionOf(entries: readonly TransferEntry[]): Promise<Condition | "taken" | undefined> {
    const index = firstFreshPut(entries) ?? 0;
    const { key, operation } = entries[index] as TransferEntry;
    const newest = (await this.#bucket.history(key, { metaOnly: true })).at(-1);
    const revision = newest?.revision ?? 0;
    if (newest !== undefined && revision > this.#head && !isOfTheStorage(newest)) return "taken";
    return operation === "PUT" || revision > 0 ? { index, revision } : undefined;
  }

  /** Nothing was written between our writes but what the storage itself writes. */
  async #settle(revisions: readonly number[]): Promise<void> {
    const others = await haveOthersWritten(this.#behindHead(), this.#head, revisions);
    if (others) throw new MirrorConflict(this.#bucket.bucket);
    this.#head = Math.max(this.#head, ...revisions);
  }

  /** Tells whether an entry is the one that was marked; of one that has expired only its key is left. */
  async #isAs(entry: KeyValueEntry | undefined, mark: EntryMark): Promise<boolean> {
    if (entry === undefined || entry.operation !== "PUT") {
      return entry !== undefined && (isOfTheStorage(entry) || entry.operation === mark.operation);
    }
    const whole = await this.#bucket.getRevision(entry.key, entry.revision);
    return whole !== null && isMarked(whole, mark);
  }

  async *#behindHead(): AsyncGenerator<KeyValueEntry, void> {
    try {
      yield* behindHead(this.#bucket, this.#head);
    } catch (error) {
      if (!isKeyValueError(error, "HISTORY_LOST")) throw error;
      throw new MirrorConflict(this.#bucket.bucket, "it has lost what it had taken");
    }
  }
}
