import type { KeyValueEntry, KeyValueManager } from "@revkv/api";
import type { Command } from "commander";
import { entryRecord } from "../entry-record.ts";
import type { Session } from "../session.ts";
import { formatSize } from "../size.ts";
import { statusRecord } from "../status-text.ts";
import { printTable } from "../table.ts";
import { shownTime } from "../time.ts";
import { abbreviated, shownText } from "../value-text.ts";
import { verb } from "../verb.ts";

interface LsOptions {
  readonly names?: boolean;
  readonly verbose?: boolean;
  readonly displayValue?: boolean;
}

export function define(command: Command): void {
  command
    .argument("[bucket]", "left out: list the buckets")
    .argument("[filter...]", "which keys, such as a.*")
    .option("-n, --names", "only the names of the buckets")
    .option("-v, --verbose", "more than the names of the keys")
    .option("--display-value", "with --verbose: the values, too")
    .action(
      verb(command, async (session, bucket: string | undefined, filters: string[], options: LsOptions) => {
        const manager = await session.open();
        if (bucket === undefined) return listBuckets(session, manager, options);
        return listKeys(session, manager, bucket, filters, options);
      }),
    );
}

async function listBuckets(session: Session, manager: KeyValueManager, options: LsOptions): Promise<void> {
  const { output, signal } = session;
  if (options.names) {
    for await (const bucket of manager.keyValueStoreNames({ signal })) await output.result({ bucket }, bucket);
    return;
  }
  const rows: string[][] = [];
  for await (const status of manager.keyValueStores({ signal })) {
    if (output.isJson) await output.json(statusRecord(status));
    const { bucket, config, bytes, values, lastRevision, approximate } = status;
    const about = approximate ? "~" : "";
    rows.push([
      bucket,
      shownText(config.description ?? ""),
      `${about}${formatSize(bytes)}`,
      `${about}${values}`,
      `${lastRevision}`,
    ]);
  }
  if (output.isJson) return;
  if (rows.length === 0) session.note("No buckets found");
  else await printTable(output, ["Bucket", "Description", "Size", "Values", "Last Revision"], rows);
}

async function listKeys(
  session: Session,
  manager: KeyValueManager,
  bucket: string,
  filters: readonly string[],
  options: LsOptions,
): Promise<void> {
  const { output, signal } = session;
  const store = await manager.keyValue(bucket, { signal });
  let found = 0;
  if (options.verbose) {
    const rows: string[][] = [];
    for await (const entry of store.entries(filters, { signal })) {
      found += 1;
      if (output.isJson) await output.json(listed(entry, options));
      else rows.push(row(entry, options));
    }
    const head = ["Key", "Created", "Revision", "Length", ...(options.displayValue ? ["Value"] : [])];
    if (rows.length > 0) await printTable(output, head, rows);
  } else {
    for await (const key of store.listKeys(filters, { signal })) {
      found += 1;
      await output.result({ key }, key);
    }
  }
  if (found === 0 && !output.isJson) session.note("No keys found in bucket");
}

function row(entry: KeyValueEntry, { displayValue }: LsOptions): string[] {
  const { key, created, revision, length } = entry;
  return [key, shownTime(created), `${revision}`, `${length}`, ...(displayValue ? [abbreviated(entry.value)] : [])];
}

function listed(entry: KeyValueEntry, { displayValue }: LsOptions): unknown {
  const { value, base64, ...rest } = entryRecord(entry);
  return displayValue ? { ...rest, length: entry.length, value, base64 } : { ...rest, length: entry.length };
}
