import type { KeyValueEntry } from "@revkv/api";
import type { Command } from "commander";
import { entryRecord } from "../entry-record.ts";
import { Interruption } from "../interruption.ts";
import { parseRevision } from "../numbers.ts";
import { coloured } from "../style.ts";
import { shownTime } from "../time.ts";
import { shownOnOneLine } from "../value-text.ts";
import { verb } from "../verb.ts";

interface WatchVerbOptions {
  readonly history?: boolean;
  readonly deletes?: boolean;
  readonly updates?: boolean;
  readonly revision?: number;
}

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .argument("[filter...]", "which keys, such as a.*")
    .option("--history", "begin with all entries that are kept, not with the newest of each key")
    .option("--no-deletes", "leave markers out")
    .option("--updates", "begin with the next change")
    .option("--revision <number>", "begin with all entries that are kept from this revision on", parseRevision)
    .action(
      verb(command, async (session, bucket: string, filters: string[], options: WatchVerbOptions) => {
        const { output, signal } = session;
        const store = await session.bucket(bucket);
        const { history, updates, revision, deletes } = options;
        const watcher = await store.watch(filters, {
          signal,
          ...(history ? { includeHistory: true } : {}),
          ...(updates ? { updatesOnly: true } : {}),
          ...(revision === undefined ? {} : { resumeFromRevision: revision }),
          ...(deletes === false ? { ignoreDeletes: true } : {}),
        });
        try {
          for await (const entry of watcher) {
            if (output.isJson) await output.json(entry === null ? { event: "caught-up" } : entryRecord(entry));
            else if (entry !== null) await output.line(watchLine(entry));
          }
        } catch (error) {
          // A watch goes on until it is interrupted: that is how it ends well.
          if (!(error instanceof Interruption)) throw error;
        }
      }),
    );
}

function watchLine(entry: KeyValueEntry): string {
  const { bucket, key, operation, created, revision, reason } = entry;
  const isPut = operation === "PUT";
  const what = coloured(isPut ? "green" : "red", operation);
  const value = isPut ? `: ${shownOnOneLine(entry.value)}` : reason === undefined ? "" : ` (${reason})`;
  return `[${shownTime(created)}] ${what} ${bucket} > ${key} @${revision}${value}`;
}
