import type { Command } from "commander";
import { parseRevision } from "./numbers.ts";
import { UsageError } from "./usage-error.ts";

/** Options of `del` and `purge`. */
export interface RemovalOptions {
  readonly filter?: readonly string[];
  readonly revision?: number;
  readonly force?: boolean;
}

export function addRemovalOptions(command: Command): Command {
  return command
    .option("--filter <filter...>", "every key that matches, such as 'a.*'")
    .option("--revision <number>", "only if the key is still at it", parseRevision)
    .option("-f, --force", "act without asking");
}

/** A key or filters, and a revision only with a key. */
export function checkRemoval(key: string | undefined, { filter, revision }: RemovalOptions): void {
  if (key !== undefined && filter !== undefined) throw new UsageError("a key or --filter, not both");
  if (key === undefined && revision !== undefined) throw new UsageError("--revision is that of a key");
}
