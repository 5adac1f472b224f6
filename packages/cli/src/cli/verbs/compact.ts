import type { Command } from "commander";
import { confirm } from "../confirm.ts";
import { parseDuration } from "../duration.ts";
import { verb } from "../verb.ts";

interface CompactOptions {
  readonly olderThan: number;
  readonly force?: boolean;
}

/** Milliseconds, as with `nats`. */
const defaultAge = 30 * 60_000;

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .option(
      "--older-than <duration>",
      "which markers go; of younger ones the history goes (default: 30m)",
      parseDuration,
      defaultAge,
    )
    .option("-f, --force", "act without asking")
    .action(
      verb(command, async (session, bucket: string, { olderThan, force = false }: CompactOptions) => {
        const { output, signal } = session;
        const store = await session.bucket(bucket);
        await confirm(session, `Remove the history and the markers of deleted keys in bucket ${bucket}?`, force);
        const removed = await store.purgeDeletes({ olderThan, signal });
        await output.result({ bucket, removed }, `removed ${removed} entries`);
      }),
    );
  command.options.find(({ long }) => long === "--older-than")?.default(defaultAge, "30m");
}
