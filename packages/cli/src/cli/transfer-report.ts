import type { BucketWriter } from "../transfer/bucket-writer.ts";
import type { Copied } from "../transfer/copy.ts";
import type { TargetBucket } from "../transfer/target-bucket.ts";
import { exitCode } from "./exit-code.ts";
import { CommandError } from "./failure.ts";
import type { Session } from "./session.ts";

/**
 * Keeps two histories from being mixed unless that is wished for.
 *
 * @throws CommandError
 */
export function checkUnused({ bucket, isUnused }: TargetBucket, isForced: boolean): void {
  if (isUnused || isForced) return;
  throw new CommandError(
    exitCode.conflict,
    `bucket ${bucket.bucket} has been written to before: name another, delete it, or write on top of it with --force`,
  );
}

export function tellShortcomings(session: Session, shortcomings: readonly string[]): void {
  for (const shortcoming of shortcomings) session.note(`revkv: not as in the source: ${shortcoming}`);
}

export function tellDeadlinesLost(session: Session, { deadlinesLost, bucket }: BucketWriter): void {
  if (deadlinesLost === 0) return;
  session.note(
    `revkv: ${deadlinesLost} values that expire have lost their deadline: bucket ${bucket.bucket} has no --marker-ttl`,
  );
}

/** Says what was copied, and which revisions it had and has. */
export function tellCopied({ output }: Session, bucket: string, { entries, from, to }: Copied): Promise<void> {
  const range = (revisions: readonly number[] | undefined): string => revisions?.join(" to ") ?? "";
  const text =
    entries === 0
      ? `${bucket} is empty`
      : `${entries} entries into ${bucket}: revisions ${range(from)} are now ${range(to)}`;
  return output.result({ bucket, entries, from, to }, text);
}
