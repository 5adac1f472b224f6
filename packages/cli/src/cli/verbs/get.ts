import type { Command } from "commander";
import { entryRecord } from "../entry-record.ts";
import { notFound } from "../failure.ts";
import { parseRevision } from "../numbers.ts";
import { coloured } from "../style.ts";
import { shownTime } from "../time.ts";
import { shownValue } from "../value-text.ts";
import { verb } from "../verb.ts";

interface GetOptions {
  readonly revision?: number;
  readonly raw?: boolean;
}

export function define(command: Command): void {
  command
    .argument("<bucket>")
    .argument("<key>")
    .option("--revision <number>", "the value that the key had then", parseRevision)
    .option("--raw", "only the value, byte for byte")
    .action(
      verb(command, async (session, bucket: string, key: string, { revision, raw }: GetOptions) => {
        const { output, signal } = session;
        const store = await session.bucket(bucket);
        const entry = await (revision === undefined
          ? store.get(key, { signal })
          : store.getRevision(key, revision, { signal }));
        if (entry === null) {
          throw notFound(`${bucket} > ${key} has no value${revision === undefined ? "" : ` of revision ${revision}`}`);
        }
        if (raw) return output.bytes(entry.value);
        const title = `${bucket} > ${key} revision: ${entry.revision} created @ ${shownTime(entry.created)}`;
        return output.result(entryRecord(entry), `${coloured("dim", title)}\n\n${shownValue(entry.value)}`);
      }),
    );
}
