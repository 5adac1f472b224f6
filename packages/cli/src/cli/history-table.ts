import type { KeyValueEntry } from "@revkv/api";
import type { Output } from "./output.ts";
import { printTable } from "./table.ts";
import { shownTime } from "./time.ts";
import { abbreviated } from "./value-text.ts";

/** Prints the history of a key, or of several. */
export function printHistory(output: Output, entries: readonly KeyValueEntry[]): Promise<void> {
  return printTable(
    output,
    ["Key", "Revision", "Op", "Created", "Length", "Value"],
    entries.map((entry) => [
      entry.key,
      `${entry.revision}`,
      entry.operation,
      shownTime(entry.created),
      `${entry.length}`,
      entry.reason ?? abbreviated(entry.value),
    ]),
  );
}
