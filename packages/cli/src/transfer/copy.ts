import { isKeyValueError } from "@revkv/api";
import { ahead, inBatches } from "./batches.ts";
import { behindHead, haveOthersWritten } from "./behind-head.ts";
import type { BucketWriter } from "./bucket-writer.ts";
import { firstFreshPut } from "./bucket-writer.ts";
import type { TransferEntry } from "./record.ts";

/** What has been copied. */
export interface Copied {
  readonly entries: number;
  /** The revisions of the first and the last entry where they come from; undefined when there was none. */
  readonly from: Range | undefined;
  /** The lowest and the highest revision that they have now. */
  readonly to: Range | undefined;
}

type Range = readonly [first: number, last: number];

/** Called for each batch that was written, with the revisions that its entries have now. */
export type OnWritten = (batch: readonly TransferEntry[], revisions: readonly number[]) => Promise<void>;

/** What was unused when a copy began has been written to by something else. */
export class CopyConflict extends Error {
  constructor(bucket: string, cause?: unknown) {
    super(`something else writes to bucket ${bucket}: name another, or delete it and copy anew`, { cause });
  }
}

/** How entries are written to their target. */
export interface CopyOptions {
  /** True when the target was unused, and is to have nothing but these entries. */
  readonly isSole: boolean;
  readonly signal: AbortSignal;
  readonly onWritten: OnWritten;
}

/**
 * Writes entries in their order, the next batch being read while one is written; what is in flight when it is stopped comes to its end.
 *
 * @throws CopyConflict
 */
export async function copyEntries(
  entries: AsyncIterable<TransferEntry>,
  writer: BucketWriter,
  { isSole, signal, onWritten }: CopyOptions,
): Promise<Copied> {
  const write = isSole ? soleWriter(writer) : (batch: readonly TransferEntry[]) => writer.write(batch);
  let count = 0;
  let from: Range | undefined;
  let to: Range | undefined;
  for await (const batch of ahead(inBatches(entries, writer.limits))) {
    signal.throwIfAborted();
    const revisions = await write(batch);
    count += batch.length;
    from = widened(
      from,
      batch.map(({ revision }) => revision),
    );
    to = widened(to, revisions);
    await onWritten(batch, revisions);
  }
  return { entries: count, from, to };
}

/**
 * Writes to a bucket that was unused. Of two that begin with the same key one is refused before it has written anything; else
 * both see, by the revisions that they get, that they are not alone.
 */
function soleWriter(writer: BucketWriter): (batch: readonly TransferEntry[]) => Promise<number[]> {
  const { bucket } = writer;
  let head = 0;
  return async (batch) => {
    const index = head === 0 ? firstFreshPut(batch) : undefined;
    try {
      const revisions = await writer.write(batch, index === undefined ? undefined : { index, revision: 0 });
      if (await haveOthersWritten(behindHead(bucket, head), head, revisions)) throw new CopyConflict(bucket.bucket);
      head = Math.max(head, ...revisions);
      return revisions;
    } catch (error) {
      throw isKeyValueError(error, "REVISION_MISMATCH") ? new CopyConflict(bucket.bucket, error) : error;
    }
  };
}

function widened(range: Range | undefined, revisions: readonly number[]): Range | undefined {
  if (revisions.length === 0) return range;
  const lowest = Math.min(...revisions);
  const highest = Math.max(...revisions);
  return range === undefined ? [lowest, highest] : [Math.min(range[0], lowest), Math.max(range[1], highest)];
}
