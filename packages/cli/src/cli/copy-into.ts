import type { KeyValueConfig, KeyValueManager } from "@revkv/api";
import { BucketWriter } from "../transfer/bucket-writer.ts";
import type { Copied, OnWritten } from "../transfer/copy.ts";
import { CopyConflict, copyEntries } from "../transfer/copy.ts";
import type { TransferEntry } from "../transfer/record.ts";
import { openTarget } from "../transfer/target-bucket.ts";
import { exitCode } from "./exit-code.ts";
import { CommandError } from "./failure.ts";
import { startProgress } from "./progress.ts";
import type { Session } from "./session.ts";

/** What is copied, and how. */
export interface CopyPlan {
  /** The verb. */
  readonly name: string;
  /** Of the target, if it is created. */
  readonly config: KeyValueConfig;
  readonly entries: AsyncIterable<TransferEntry>;
  /** About how many entries there are. */
  readonly total: number;
  /** True where what the target holds is written over. */
  readonly isForced: boolean;
  readonly onWritten?: OnWritten;
}

/**
 * Copies entries into a bucket, and tells what became of them. Two histories are not mixed unless that is wished for.
 *
 * @throws CommandError
 */
export async function copyInto(session: Session, manager: KeyValueManager, plan: CopyPlan): Promise<void> {
  const { signal } = session;
  const { name, config, entries, total, isForced, onWritten } = plan;
  const target = await openTarget(manager, config, signal);
  const { bucket } = target.bucket;
  if (!target.isUnused && !isForced) {
    throw new CommandError(
      exitCode.conflict,
      `bucket ${bucket} has been written to before: name another, delete it, or write on top of it with --force`,
    );
  }
  tellShortcomings(session, target.shortcomings);
  const writer = new BucketWriter(target.bucket, target.config, manager.capabilities);
  using progress = await startProgress(name, total);
  const options = {
    isSole: !isForced,
    signal,
    onWritten: async (...[batch, revisions]: Parameters<OnWritten>) => {
      progress.advance(batch.length);
      await onWritten?.(batch, revisions);
    },
  };
  const copied = await copyEntries(entries, writer, options).catch((error: unknown) => {
    throw error instanceof CopyConflict ? new CommandError(exitCode.conflict, error.message, { cause: error }) : error;
  });
  tellDeadlinesLost(session, writer);
  await tellCopied(session, bucket, copied);
}

export function tellShortcomings(session: Session, shortcomings: readonly string[]): void {
  for (const shortcoming of shortcomings) session.note(`revkv: not as in the source: ${shortcoming}`);
}

function tellDeadlinesLost(session: Session, { deadlinesLost, bucket }: BucketWriter): void {
  if (deadlinesLost === 0) return;
  session.note(
    `revkv: ${deadlinesLost} values that expire have lost their deadline: bucket ${bucket.bucket} has no --marker-ttl`,
  );
}

/** Says what was copied, and which revisions it had and has. */
function tellCopied({ output }: Session, bucket: string, { entries, from, to }: Copied): Promise<void> {
  const range = (revisions: readonly number[] | undefined): string => revisions?.join(" to ") ?? "";
  const text =
    entries === 0
      ? `${bucket} is empty`
      : `${entries} entries into ${bucket}: revisions ${range(from)} are now ${range(to)}`;
  return output.result({ bucket, entries, from, to }, text);
}
