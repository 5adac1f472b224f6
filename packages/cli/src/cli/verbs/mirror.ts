import { isKeyValueError } from "@revkv/api";
import type { Command } from "commander";
import { mirror } from "../../transfer/mirror.ts";
import { MirrorConflict } from "../../transfer/mirror-conflict.ts";
import { stateBucket } from "../../transfer/mirror-state.ts";
import { openPair } from "../bucket-pair.ts";
import { tellShortcomings } from "../copy-into.ts";
import { exitCode } from "../exit-code.ts";
import { CommandError, describeError } from "../failure.ts";
import type { Progress } from "../progress.ts";
import { startProgress } from "../progress.ts";
import { UsageError } from "../usage-error.ts";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  command
    .argument("<source>", "a store's URL, a slash and a bucket, or a bucket of --store")
    .argument("<target>", "the same; nothing else may write to it")
    .option("--resync", "delete the target and begin anew")
    .addHelpText("after", "\nGoes on until it is interrupted, and where it was when it is started again.")
    .action(
      verb(command, async (session, from: string, to: string, { resync = false }: { readonly resync?: boolean }) => {
        const { output, signal } = session;
        const { source, manager, name } = await openPair(session, from, to);
        // To its own store it would tell of itself, for ever.
        if (name === stateBucket || source.bucket === stateBucket)
          throw new UsageError(`bucket ${stateBucket} says how far mirrors have come, and is not mirrored`);
        const plan = { source, target: { manager, bucket: name }, resync };
        let progress: Progress | undefined;
        let isAway = false;
        const tell = (event: string, position: number, text: string): Promise<void> =>
          output.result({ event, position }, `${text} revision ${position}`);
        try {
          const position = await mirror(plan, {
            signal,
            onStart: async (start, status) => {
              await tell("started", start, `mirroring ${source.bucket} to ${name} after`);
              progress = await startProgress("mirror", Math.max(0, status.lastRevision - start));
            },
            onProgress: (entries) => {
              isAway = false;
              progress?.advance(entries);
            },
            onCaughtUp: async (reached) => {
              progress?.[Symbol.dispose]();
              progress = undefined;
              await tell("caught-up", reached, "caught up, and following from");
            },
            onRetry: (error) => {
              if (!isAway) session.note(`revkv: the target is tried again: ${describeError(error)}`);
              isAway = true;
            },
            onShortcoming: (text) => tellShortcomings(session, [text]),
          });
          await tell("stopped", position, "stopped at");
        } catch (error) {
          throw explained(error, name);
        } finally {
          progress?.[Symbol.dispose]();
        }
      }),
    );
}

/** Says what to do where only a fresh start helps. */
function explained(error: unknown, target: string): unknown {
  if (error instanceof MirrorConflict) return new CommandError(exitCode.conflict, error.message, { cause: error });
  if (isKeyValueError(error, "REVISION_MISMATCH")) {
    return new CommandError(exitCode.conflict, `another process mirrors into ${target} now`, { cause: error });
  }
  if (isKeyValueError(error, "REVISION_COMPACTED") || isKeyValueError(error, "HISTORY_LOST")) {
    const why = `the source does not know any more what was deleted since: ${error.message}`;
    return new CommandError(exitCode.failed, `${why}; --resync deletes ${target} and mirrors anew`, { cause: error });
  }
  return error;
}
