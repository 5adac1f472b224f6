import type { Command } from "commander";
import { parseDuration } from "../duration.ts";
import { givenValue } from "../given-value.ts";
import { verb } from "../verb.ts";
import { tellWritten } from "../written.ts";

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .argument("<key>")
    .argument("[value]", "left out: standard input")
    .option("--ttl <duration>", "how long the value lives; the bucket needs a --marker-ttl", parseDuration)
    .action(
      verb(
        command,
        async (session, bucket: string, key: string, value: string | undefined, { ttl }: { readonly ttl?: number }) => {
          const store = await session.bucket(bucket);
          const revision = await store.put(key, await givenValue(session, value), { ttl, signal: session.signal });
          await tellWritten(session, { bucket, key, operation: "PUT", revision });
        },
      ),
    );
}
