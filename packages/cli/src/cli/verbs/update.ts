import type { Command } from "commander";
import { parseDuration } from "../duration.ts";
import { givenValue } from "../given-value.ts";
import { parseRevision } from "../numbers.ts";
import { UsageError } from "../usage-error.ts";
import { verb } from "../verb.ts";
import { tellWritten } from "../written.ts";

export function define(command: Command): void {
  command
    .usage("[options] <bucket> <key> [value] <revision>")
    .argument("<bucket>")
    .argument("<key>")
    .argument("[value]", "left out: standard input")
    .argument("[revision]", "that the key is at; 0: it has no entry")
    .option("--ttl <duration>", "how long the value lives; the bucket needs a --marker-ttl", parseDuration)
    .action(
      verb(
        command,
        async (
          session,
          bucket: string,
          key: string,
          first: string | undefined,
          second: string | undefined,
          { ttl }: { readonly ttl?: number },
        ) => {
          const [value, last] = second === undefined ? [undefined, first] : [first, second];
          if (last === undefined) throw new UsageError("missing required argument 'revision'");
          const expected = parseRevision(last);
          const store = await session.bucket(bucket);
          const revision = await store.update(key, await givenValue(session, value), expected, {
            ttl,
            signal: session.signal,
          });
          await tellWritten(session, { bucket, key, operation: "PUT", revision });
        },
      ),
    );
}
