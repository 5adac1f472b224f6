import type { Command } from "commander";
import { copyInto } from "../copy-into.ts";
import { readExport } from "../export-format.ts";
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
        await copyInto(session, manager, {
          name: "import",
          config: { ...header.config, bucket: name },
          entries,
          total: 0,
          isForced: force,
          onWritten: async (batch, revisions) => {
            if (!output.isJson) return;
            for (const [index, { key, revision }] of batch.entries()) {
              await output.json({ key, revision, importedAs: revisions[index] });
            }
          },
        });
      }),
    );
}
