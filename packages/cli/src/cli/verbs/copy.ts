import type { Command } from "commander";
import { readLog } from "../../transfer/read-log.ts";
import { openPair } from "../bucket-pair.ts";
import { copyInto } from "../copy-into.ts";
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
        await copyInto(session, manager, {
          name: "copy",
          config: { ...config, bucket: name },
          entries: readLog(source, [], signal),
          total: values,
          isForced: force,
        });
      }),
    );
}
