import type { Command } from "commander";
import { BucketWriter } from "../../transfer/bucket-writer.ts";
import { copyEntries } from "../../transfer/copy.ts";
import { readLog } from "../../transfer/read-log.ts";
import { openTarget } from "../../transfer/target-bucket.ts";
import { openPair } from "../bucket-pair.ts";
import { startProgress } from "../progress.ts";
import { checkUnused, tellCopied, tellDeadlinesLost, tellShortcomings } from "../transfer-report.ts";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  command
    .argument("<source>", "a store's URL, a slash and a bucket, or a bucket of --store")
    .argument("<target>", "the same; the bucket is created with the source's config")
    .option("-f, --force", "write on top of what the target holds")
    .action(
      verb(command, async (session, from: string, to: string, { force = false }: { readonly force?: boolean }) => {
        const { signal } = session;
        const { source, manager, name } = await openPair(session, from, to);
        const { values, config } = await source.status({ signal });
        const target = await openTarget(manager, { ...config, bucket: name }, signal);
        checkUnused(target, force);
        tellShortcomings(session, target.shortcomings);
        const writer = new BucketWriter(target.bucket, target.config, manager.capabilities);
        using progress = await startProgress("copy", values);
        const copied = await copyEntries(readLog(source, [], signal), writer, signal, async (batch) => {
          progress.advance(batch.length);
        });
        tellDeadlinesLost(session, writer);
        await tellCopied(session, name, copied);
      }),
    );
}
