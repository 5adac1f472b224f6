import type { Command } from "commander";
import { BucketWriter } from "../../transfer/bucket-writer.ts";
import { copyEntries } from "../../transfer/copy.ts";
import { openTarget } from "../../transfer/target-bucket.ts";
import { readExport } from "../export-format.ts";
import { startProgress } from "../progress.ts";
import { checkUnused, tellCopied, tellDeadlinesLost, tellShortcomings } from "../transfer-report.ts";
import { UsageError } from "../usage-error.ts";
import { verb } from "../verb.ts";

interface ImportOptions {
  readonly file?: string;
  readonly force?: boolean;
}

export function define(command: Command): void {
  command
    .argument("[bucket]", "left out: named as in the export")
    .option("--file <path>", "the export (default: standard input)")
    .option("-f, --force", "write on top of what the bucket holds")
    .action(
      verb(command, async (session, bucket: string | undefined, { file, force = false }: ImportOptions) => {
        if (file === undefined && process.stdin.isTTY)
          throw new UsageError("the export comes from --file or standard input");
        const { output, signal } = session;
        const { header, entries } = await readExport(file, signal);
        const name = bucket ?? header.config.bucket;
        const manager = await session.open(session.store, "create");
        const target = await openTarget(manager, { ...header.config, bucket: name }, signal);
        checkUnused(target, force);
        tellShortcomings(session, target.shortcomings);
        const writer = new BucketWriter(target.bucket, target.config, manager.capabilities);
        using progress = await startProgress("import", 0);
        const copied = await copyEntries(entries, writer, signal, async (batch, revisions) => {
          progress.advance(batch.length);
          if (!output.isJson) return;
          for (const [index, { key, revision }] of batch.entries()) {
            await output.json({ key, revision, importedAs: revisions[index] });
          }
        });
        tellDeadlinesLost(session, writer);
        await tellCopied(session, name, copied);
      }),
    );
}
