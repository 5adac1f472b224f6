import type { Command } from "commander";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .argument("[filter...]", "which keys, such as a.*")
    .action(
      verb(command, async (session, bucket: string, filters: string[]) => {
        const { output, signal } = session;
        const store = await session.bucket(bucket);
        let keys = 0;
        for await (const _ of store.listKeys(filters, { signal })) keys += 1;
        await output.result({ bucket, filters, keys }, `${keys}`);
      }),
    );
}
