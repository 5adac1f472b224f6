import { createHash, randomUUID } from "node:crypto";
import type { EntryOperation, KeyValue, KeyValueManager } from "@revkv/api";
import { isKeyValueError, KeyValueError, RevisionMismatchError } from "@revkv/api";
import type { Patience } from "./patience.ts";
import { isPassing, patiently } from "./patience.ts";
import type { TransferEntry } from "./record.ts";

/** The bucket, in the store of the target, that says how far its mirrors have come; a key for each target. */
export const stateBucket = "revkv-mirrors";

/** How far a mirror has come. */
export interface MirrorState {
  readonly version: 1;
  readonly source: { readonly bucket: string; readonly incarnation: string };
  /** What the source had compacted when the mirror began: the target has none of it. */
  readonly compactedTo: number;
  readonly target: { readonly incarnation: string };
  /** Every entry of the source up to this revision is in the target. */
  readonly position: number;
  /** The newest revision of the target then. */
  readonly head: number;
  /** What was to be written next when this was saved: it is in the target, or not, or in part. */
  readonly pending?: PendingBatch;
}

export interface PendingBatch {
  /** The revision of its last entry in the source. */
  readonly to: number;
  /** How many entries it has. */
  readonly entries: number;
  /** Its last entry, by which it is told from what others write. */
  readonly last: EntryMark;
}

/** What an entry is told by, whatever its revision. */
export interface EntryMark {
  readonly key: string;
  readonly operation: EntryOperation;
  /** Of the value. */
  readonly sha256: string;
}

type Marked = Pick<TransferEntry, "key" | "operation" | "value">;

function markOf({ key, operation, value }: Marked): EntryMark {
  return { key, operation, sha256: createHash("sha256").update(value).digest("base64") };
}

/** Tells whether an entry is one that was marked. */
export function isMarked(entry: Marked, { key, operation, sha256 }: EntryMark): boolean {
  const its = markOf(entry);
  return its.key === key && its.operation === operation && its.sha256 === sha256;
}

/** What is noted of a batch before it is written. */
export function pendingOf(batch: readonly TransferEntry[]): PendingBatch {
  const last = batch.at(-1) as TransferEntry;
  return { to: last.revision, entries: batch.length, last: markOf(last) };
}

/** A mirror's state in its store. It is saved by compare-and-set: of two mirrors with one target only one goes on. */
export class MirrorStateFile {
  readonly #store: KeyValue;
  readonly #key: string;
  /** Tells what this process has saved from what another has. */
  readonly #holder: string = randomUUID();
  #revision = 0;

  private constructor(store: KeyValue, target: string) {
    this.#store = store;
    this.#key = target;
  }

  /** Opens the state of the mirror to a bucket. */
  static async open(manager: KeyValueManager, target: string): Promise<MirrorStateFile> {
    const config = { bucket: stateBucket, description: "How far the mirrors into this store have come (revkv mirror)" };
    return new MirrorStateFile(await manager.createOrUpdateKeyValue(config), target);
  }

  /**
   * Saves a state that follows from the one that there is, as it is at that moment: whoever has saved that is told by it
   * to stop.
   */
  async claim(next: (found: MirrorState | undefined) => MirrorState, patience: Patience): Promise<MirrorState> {
    for (;;) {
      const [newest] = (await this.#store.history(this.#key)).slice(-1);
      this.#revision = newest?.revision ?? 0;
      const state = next(newest?.operation === "PUT" ? parsed(newest.string(), this.#key) : undefined);
      try {
        await this.save(state, patience);
        return state;
      } catch (error) {
        // A mirror that is at work saves all the time.
        if (!isKeyValueError(error, "REVISION_MISMATCH")) throw error;
      }
    }
  }

  /**
   * Saves a state over the one that was read or saved before; a store that is away is waited for.
   *
   * @throws `REVISION_MISMATCH` when another process has saved one meanwhile
   */
  async save(state: MirrorState, patience: Patience): Promise<void> {
    const text = JSON.stringify({ ...state, holder: this.#holder });
    this.#revision = await patiently(() => this.#write(text), patience);
  }

  /** @throws `REVISION_MISMATCH` when another process has saved a state meanwhile */
  async checkHeld(): Promise<void> {
    const { revision } = (await this.#store.get(this.#key)) ?? {};
    if (revision !== this.#revision) throw new RevisionMismatchError(this.#key, this.#revision, revision);
  }

  async #write(text: string): Promise<number> {
    try {
      return await this.#store.update(this.#key, text, this.#revision);
    } catch (error) {
      // It may have been our own write, whose answer was lost.
      const mayBeOurs = isPassing(error) || isKeyValueError(error, "REVISION_MISMATCH");
      const newest = mayBeOurs ? await this.#store.get(this.#key) : null;
      if (newest?.string() !== text) throw error;
      return newest.revision;
    }
  }
}

function parsed(text: string, target: string): MirrorState {
  const state = JSON.parse(text) as MirrorState;
  if (state.version === 1) return state;
  throw new KeyValueError(
    "INCOMPATIBLE_STORAGE",
    `the state of the mirror to ${target} was written by a newer version of revkv: update it`,
  );
}
