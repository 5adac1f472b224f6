import type { Command } from "commander";
import { confirm } from "../confirm.ts";
import { notFound } from "../failure.ts";
import { parseRevision } from "../numbers.ts";
import { abbreviated } from "../value-text.ts";
import { verb } from "../verb.ts";
import { tellWritten } from "../written.ts";

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .argument("<key>")
    .argument("<revision>", "whose value is to be the newest again", parseRevision)
    .option("-f, --force", "act without asking")
    .action(
      verb(
        command,
        async (
          session,
          bucket: string,
          key: string,
          revision: number,
          { force = false }: { readonly force?: boolean },
        ) => {
          const { signal } = session;
          const store = await session.bucket(bucket);
          const history = await store.history(key, { signal });
          const wanted = history.find((entry) => entry.revision === revision && entry.operation === "PUT");
          const newest = history.at(-1);
          if (wanted === undefined || newest === undefined) {
            throw notFound(`${bucket} > ${key} has no value of revision ${revision}`);
          }
          await confirm(session, `Put ${abbreviated(wanted.value)} into ${bucket} > ${key} again?`, force);
          // Not over what somebody else has written since it was looked at.
          const written = await store.update(key, wanted.value, newest.revision, { signal });
          await tellWritten(session, { bucket, key, operation: "PUT", revision: written });
        },
      ),
    );
}
