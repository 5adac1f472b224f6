import type { Command } from "commander";
import { entryRecord } from "../entry-record.ts";
import { notFound } from "../failure.ts";
import { printHistory } from "../history-table.ts";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .argument("<key>", "or a filter, such as a.*")
    .action(
      verb(command, async (session, bucket: string, key: string) => {
        const { output, signal } = session;
        const store = await session.bucket(bucket);
        const entries = await store.history(key, { signal });
        if (entries.length === 0) throw notFound(`${bucket} > ${key} has no history`);
        if (!output.isJson) return printHistory(output, entries);
        for (const entry of entries) await output.json(entryRecord(entry));
      }),
    );
}
