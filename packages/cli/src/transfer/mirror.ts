import type { KeyValue, KeyValueEntry, KeyValueManager, KeyValueStatus } from "@revkv/api";
import { isKeyValueError, RevisionCompactedError } from "@revkv/api";
import { ahead, inBatches } from "./batches.ts";
import { BucketWriter } from "./bucket-writer.ts";
import { MirrorConflict } from "./mirror-conflict.ts";
import type { MirrorState } from "./mirror-state.ts";
import { MirrorStateFile, pendingOf } from "./mirror-state.ts";
import { MirrorTarget } from "./mirror-target.ts";
import type { Patience } from "./patience.ts";
import type { TargetBucket } from "./target-bucket.ts";
import { openTarget } from "./target-bucket.ts";

/** What is mirrored, and where to. */
export interface MirrorPlan {
  readonly source: KeyValue;
  readonly target: { readonly manager: KeyValueManager; readonly bucket: string };
  /** Deletes the target first. */
  readonly resync: boolean;
}

/** What a mirror tells while it runs. */
export interface MirrorObserver extends Patience {
  onStart(position: number, status: KeyValueStatus): Promise<void>;
  /** After each batch. */
  onProgress(entries: number, position: number): void;
  /** When all that was there at the beginning is in the target. */
  onCaughtUp(position: number): Promise<void>;
  /** What the target has not of the source's config. */
  onShortcoming(text: string): void;
}

/**
 * Mirrors a bucket until the signal is aborted: what is there, then every change. Resolves to the position, from which
 * the next run goes on.
 *
 * Before each batch is written its end is saved beside the target. After a crash the target tells whether it has the
 * batch: nothing else writes there, and a transaction is there as a whole or not at all. So every entry gets there once.
 *
 * @throws MirrorConflict when the target is not what this mirror has left; `REVISION_COMPACTED` and `HISTORY_LOST` when
 * the source does not know any more what was deleted meanwhile
 */
export async function mirror(plan: MirrorPlan, observer: MirrorObserver): Promise<number> {
  const { source } = plan;
  const { signal } = observer;
  const status = await source.status({ signal });
  const { file, state, target } = await takeUp(plan, status, observer);
  let { position } = state;
  await observer.onStart(position, status);
  const entries = follow(source, status, state, signal);
  try {
    try {
      for await (const batch of ahead(inBatches(entries, target.limits))) {
        if (batch.length === 0) {
          await observer.onCaughtUp(position);
          continue;
        }
        const pending = pendingOf(batch);
        await file.save({ ...state, position, head: target.head, pending }, observer);
        await target.write(batch, pending, observer);
        position = pending.to;
        observer.onProgress(batch.length, position);
        signal.throwIfAborted();
      }
    } catch (error) {
      // Who has taken over has written what looks like a stranger's.
      if (error instanceof MirrorConflict) await file.checkHeld();
      if (error !== signal.reason) throw error;
    }
    await file.save({ ...state, position, head: target.head }, observer);
  } catch (error) {
    // In the midst of waiting for a store that is away: what was saved before the batch says enough.
    if (!signal.aborted || (error as Error | null)?.name !== "AbortError") throw error;
  }
  return position;
}

interface TakenUp {
  readonly file: MirrorStateFile;
  readonly state: MirrorState;
  readonly target: MirrorTarget;
}

/** Goes on where the mirror was, or begins. */
async function takeUp(
  { source, target: { manager, bucket: name }, resync }: MirrorPlan,
  status: KeyValueStatus,
  observer: MirrorObserver,
): Promise<TakenUp> {
  const { signal } = observer;
  const file = await MirrorStateFile.open(manager, name);
  if (resync) await deleteIfThere(manager, name);
  // What the source refuses never gets here, and what it has room for only after later entries may come before them.
  const opened = await openTarget(manager, { ...status.config, bucket: name, maxBytes: undefined }, signal);
  for (const shortcoming of opened.shortcomings) observer.onShortcoming(shortcoming);
  const { incarnation } = await opened.bucket.status({ signal });
  const begun: MirrorState = {
    version: 1,
    source: { bucket: source.bucket, incarnation: status.incarnation },
    compactedTo: status.compactedTo,
    target: { incarnation },
    position: 0,
    head: 0,
  };
  const claimed = await file.claim((found) => nextOf(found, begun, opened, name), observer);
  const { pending, ...settled } = claimed;
  const writer = new BucketWriter(opened.bucket, opened.config, manager.capabilities, true);
  const target = new MirrorTarget(writer, claimed.head);
  const isWritten = await complete(source, status, claimed, file, target, observer);
  const position = isWritten && pending !== undefined ? pending.to : claimed.position;
  return { file, state: { ...settled, position }, target };
}

/** The state to go on from: the one that was found, or that of a mirror that begins. */
function nextOf(
  found: MirrorState | undefined,
  begun: MirrorState,
  { isUnused }: TargetBucket,
  name: string,
): MirrorState {
  const { source, target } = begun;
  const isSameSource = found?.source.bucket === source.bucket && found.source.incarnation === source.incarnation;
  const isSameTarget = found?.target.incarnation === target.incarnation;
  // Another mirror may be about to write its first batch to one that is unused still.
  if (found !== undefined && isSameSource && isSameTarget) return found;
  if (isUnused) return begun;
  if (found === undefined) throw new MirrorConflict(name, "it holds entries, and none of this mirror's");
  if (!isSameTarget) throw new MirrorConflict(name, "it was deleted and created again");
  throw new MirrorConflict(name, `it mirrors another bucket than this ${source.bucket}`);
}

/** Finds out what became of the batch that was being written, and writes what is missing of it; false when there was none. */
async function complete(
  source: KeyValue,
  status: KeyValueStatus,
  state: MirrorState,
  file: MirrorStateFile,
  target: MirrorTarget,
  observer: MirrorObserver,
): Promise<boolean> {
  const found = await target.find(state.pending);
  if (state.pending === undefined) return false;
  if (found === "all") return true;
  let { pending } = state;
  const batch: KeyValueEntry[] = [];
  for await (const entry of follow(source, status, state, observer.signal)) {
    if (entry === null || entry.revision > pending.to) break;
    batch.push(entry);
  }
  if (target.isAtomic && batch.length > 0) {
    // The source may not have all of it any more.
    pending = pendingOf(batch);
    await file.save({ ...state, pending }, observer);
  }
  await target.write(batch, pending, observer, "doubtful");
  return true;
}

/** The entries of the source behind the position, then null, then what is written. */
async function* follow(
  source: KeyValue,
  status: KeyValueStatus,
  { position, compactedTo }: MirrorState,
  signal: AbortSignal,
): AsyncGenerator<KeyValueEntry | null, void> {
  // What was compacted before the mirror began has never been in the target.
  const fromStart = position === 0 || (position < status.compactedTo && status.compactedTo === compactedTo);
  const options = fromStart
    ? { includeHistory: true }
    : { resumeFromRevision: position + 1, resumeIncarnation: status.incarnation };
  const watcher = await source.watch(">", { ...options, signal });
  if (fromStart && position > 0) {
    const { compactedTo: now } = await source.status({ signal });
    if (now !== compactedTo) throw new RevisionCompactedError(position + 1, now);
  }
  for await (const entry of watcher) {
    if (entry === null || entry.revision > position) yield entry;
  }
}

async function deleteIfThere(manager: KeyValueManager, bucket: string): Promise<void> {
  try {
    await manager.deleteKeyValue(bucket);
  } catch (error) {
    if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
  }
}
