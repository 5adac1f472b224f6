import type { Command } from "commander";
import { confirm } from "../confirm.ts";
import type { RemovalOptions } from "../removal-options.ts";
import { addRemovalOptions, checkRemoval } from "../removal-options.ts";
import { verb } from "../verb.ts";
import { tellWritten } from "../written.ts";

export function define(command: Command): void {
  addRemovalOptions(
    command.argument("<bucket>").argument("[key]", "left out, and no --filter: the bucket itself"),
  ).action(
    verb(command, async (session, bucket: string, key: string | undefined, options: RemovalOptions) => {
      checkRemoval(key, options);
      const { filter, revision, force = false } = options;
      const { output, signal } = session;
      const manager = await session.open();
      const store = await manager.keyValue(bucket, { signal });
      if (filter !== undefined) {
        await confirm(session, `Delete the keys ${filter.join(" ")} of bucket ${bucket}?`, force);
        const keys = await store.deleteAll(filter, { signal });
        return output.result({ bucket, operation: "DEL", filters: filter, keys }, `deleted ${keys} keys`);
      }
      if (key === undefined) {
        await confirm(session, `Delete bucket ${bucket}?`, force);
        await manager.deleteKeyValue(bucket, { signal });
        return output.result({ bucket, deleted: true }, `deleted bucket ${bucket}`);
      }
      await confirm(session, `Delete key ${bucket} > ${key}?`, force);
      const condition = revision === undefined ? {} : { lastRevision: revision };
      const written = await store.delete(key, { ...condition, signal });
      return tellWritten(session, { bucket, key, operation: "DEL", revision: written });
    }),
  );
}
