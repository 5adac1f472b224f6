import type { Command } from "commander";
import { readLog } from "../../transfer/read-log.ts";
import { entryRecord } from "../entry-record.ts";
import type { ExportEnd, ExportHeader } from "../export-format.ts";
import { startProgress } from "../progress.ts";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .argument("[filter...]", "which keys, such as a.*")
    .action(
      verb(command, async (session, bucket: string, filters: string[]) => {
        const { output, signal } = session;
        const store = await session.bucket(bucket);
        const { lastRevision, values, config } = await store.status({ signal });
        const header: ExportHeader = {
          type: "revkv-export",
          version: 1,
          exportedAt: new Date().toISOString(),
          lastRevision,
          config,
        };
        await output.json(header);
        using progress = await startProgress("export", values);
        let entries = 0;
        for await (const entry of readLog(store, filters, signal)) {
          await output.json(entryRecord(entry, false));
          entries += 1;
          progress.advance(1);
        }
        const end: ExportEnd = { type: "end", entries };
        await output.json(end);
      }),
    );
}
