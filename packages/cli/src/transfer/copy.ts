import { ahead, inBatches } from "./batches.ts";
import type { BucketWriter } from "./bucket-writer.ts";
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

/** Writes entries in their order, the next batch being read while one is written; what is in flight when it is stopped comes to its end. */
export async function copyEntries(
  entries: AsyncIterable<TransferEntry>,
  writer: BucketWriter,
  signal: AbortSignal,
  onWritten: OnWritten,
): Promise<Copied> {
  let count = 0;
  let from: Range | undefined;
  let to: Range | undefined;
  for await (const batch of ahead(inBatches(entries, writer.limits))) {
    signal.throwIfAborted();
    const revisions = await writer.write(batch);
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

function widened(range: Range | undefined, revisions: readonly number[]): Range | undefined {
  if (revisions.length === 0) return range;
  const lowest = Math.min(...revisions);
  const highest = Math.max(...revisions);
  return range === undefined ? [lowest, highest] : [Math.min(range[0], lowest), Math.max(range[1], highest)];
}
