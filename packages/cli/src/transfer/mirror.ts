import type { KeyValue, KeyValueEntry, KeyValueManager, KeyValueStatus } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { ahead, inBatches } from "./batches.ts";
import { BucketWriter } from "./bucket-writer.ts";
import { MirrorConflict } from "./mirror-conflict.ts";
import type { MirrorState } from "./mirror-state.ts";
import { MirrorStateFile } from "./mirror-state.ts";
import type { RetryOptions } from "./mirror-target.ts";
import { MirrorTarget } from "./mirror-target.ts";
import { openTarget } from "./target-bucket.ts";

/** What is mirrored, and where to. */
export interface MirrorPlan {
  readonly source: KeyValue;
  readonly target: { readonly manager: KeyValueManager; readonly bucket: string };
  /** Deletes the target first. */
  readonly resync: boolean;
}

/** What a mirror tells while it runs. */
export interface MirrorObserver extends RetryOptions {
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
    for await (const batch of ahead(inBatches(entries, target.limits))) {
      const last = batch.at(-1);
      if (last === undefined) {
        await observer.onCaughtUp(position);
        continue;
      }
      const pending = { to: last.revision, entries: batch.length };
      await file.save({ ...state, position, head: target.head, pending });
      await target.write(batch, pending, observer);
      position = last.revision;
      observer.onProgress(batch.length, position);
      signal.throwIfAborted();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    // In the midst of waiting for the target: what was saved before the batch says enough.
    if (error !== signal.reason) return position;
  }
  await file.save({ ...state, position, head: target.head });
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
  const { file, state: found } = await MirrorStateFile.open(manager, name);
  if (resync) await deleteIfThere(manager, name);
  // What the source refuses never gets here, and what it has room for only after later entries may come before them.
  const opened = await openTarget(manager, { ...status.config, bucket: name, maxBytes: undefined }, signal);
  for (const shortcoming of opened.shortcomings) observer.onShortcoming(shortcoming);
  const writer = new BucketWriter(opened.bucket, opened.config, manager.capabilities, true);
  const { incarnation } = await opened.bucket.status({ signal });
  if (opened.isUnused) {
    const state: MirrorState = {
      version: 1,
      source: { bucket: source.bucket, incarnation: status.incarnation },
      compactedTo: status.compactedTo,
      target: { incarnation },
      position: 0,
      head: 0,
    };
    await file.save(state);
    return { file, state, target: new MirrorTarget(writer, 0) };
  }
  if (found === undefined) throw new MirrorConflict(name, "it holds entries, and none of this mirror's");
  if (found.target.incarnation !== incarnation) throw new MirrorConflict(name, "it was deleted and created again");
  if (found.source.bucket !== source.bucket || found.source.incarnation !== status.incarnation) {
    throw new MirrorConflict(name, `it mirrors another bucket than this ${source.bucket}`);
  }
  // Whoever else mirrors into it is told by that to stop.
  await file.save(found);
  const target = new MirrorTarget(writer, found.head);
  const { pending, ...settled } = found;
  const isWritten = await complete(source, status, found, target, observer);
  await target.catchUp();
  const position = isWritten && pending !== undefined ? pending.to : found.position;
  return { file, state: { ...settled, position }, target };
}

/** Finds out what became of the batch that was being written, and writes what is missing of one that is there in part. */
async function complete(
  source: KeyValue,
  status: KeyValueStatus,
  state: MirrorState,
  target: MirrorTarget,
  observer: MirrorObserver,
): Promise<boolean> {
  const { pending } = state;
  const outcome = await target.outcome(pending);
  if (outcome === "all") return true;
  if (pending === undefined || outcome.size === 0) return false;
  const missing: KeyValueEntry[] = [];
  for await (const entry of follow(source, status, state, observer.signal)) {
    if (entry === null || entry.revision > pending.to) break;
    if (!outcome.has(entry.key)) missing.push(entry);
  }
  if (missing.length > 0) await target.write(missing, pending, observer, "rest");
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
  for await (const entry of await source.watch(">", { ...options, signal })) {
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
