import type { Command } from "commander";
import { confirm } from "../confirm.ts";
import { parseDuration } from "../duration.ts";
import type { RemovalOptions } from "../removal-options.ts";
import { addRemovalOptions, checkRemoval } from "../removal-options.ts";
import { UsageError } from "../usage-error.ts";
import { verb } from "../verb.ts";
import { tellWritten } from "../written.ts";

interface PurgeOptions extends RemovalOptions {
  readonly ttl?: number;
}

export function define(command: Command): void {
  addRemovalOptions(command.argument("<bucket>").argument("[key]", "left out: --filter says which"))
    .option("--ttl <duration>", "how long the marker lives; the bucket needs a --marker-ttl", parseDuration)
    .action(
      verb(command, async (session, bucket: string, key: string | undefined, options: PurgeOptions) => {
        checkRemoval(key, options);
        const { filter, revision, ttl, force = false } = options;
        const { output, signal } = session;
        if (filter !== undefined) {
          if (ttl !== undefined) throw new UsageError("--ttl is that of a single key's marker");
          const store = await session.bucket(bucket);
          await confirm(session, `Purge the keys ${filter.join(" ")} of bucket ${bucket}?`, force);
          const keys = await store.purgeAll(filter, { signal });
          return output.result({ bucket, operation: "PURGE", filters: filter, keys }, `purged ${keys} keys`);
        }
        if (key === undefined) throw new UsageError("a key or --filter is needed");
        const store = await session.bucket(bucket);
        await confirm(session, `Purge key ${bucket} > ${key}?`, force);
        const condition = revision === undefined ? {} : { lastRevision: revision };
        const written = await store.purge(key, { ...condition, ttl, signal });
        return tellWritten(session, { bucket, key, operation: "PURGE", revision: written });
      }),
    );
}
