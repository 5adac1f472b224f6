import type { CharName } from "cli-table3";
import type { Output } from "./output.ts";

/** The narrowest that a column becomes before others give way, in characters. */
const narrowest = 8;

/** Between and around columns: a border and a space on each side of every cell. */
const padding = 3;

/** How many rows are laid out at a time. */
const part = 1000;

/** Prints a table that is as wide as the terminal at most: the widest columns give way. */
export async function printTable(
  output: Output,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const { default: Table } = await import("cli-table3");
  const { default: widthOf } = await import("string-width");
  const natural = head.map((title, column) => {
    const widest = (most: number, cell: string): number => Math.max(most, ...cell.split("\n").map(widthOf));
    return rows.reduce((most, row) => widest(most, row[column] ?? ""), widest(0, title));
  });
  const widths = widthsWithin(natural, output.columns - 1 - padding * head.length);
  // The library takes no more than about a hundred thousand rows at a time.
  for (let from = 0; from === 0 || from < rows.length; from += part) {
    const isFirst = from === 0;
    const isLast = from + part >= rows.length;
    const table = new Table({
      head: isFirst ? [...head] : [],
      colWidths: widths.map((width) => width + 2),
      style: { head: [], border: [], compact: true },
      chars: { ...(isFirst ? {} : noBorder("top")), ...(isLast ? {} : noBorder("bottom")) },
    });
    for (const row of rows.slice(from, from + part)) table.push([...row]);
    await output.line(table.toString());
  }
}

function noBorder(side: "top" | "bottom"): Partial<Record<CharName, string>> {
  return { [side]: "", [`${side}-mid`]: "", [`${side}-left`]: "", [`${side}-right`]: "" };
}

/** Takes from the widest columns until all of them fit. */
function widthsWithin(natural: readonly number[], room: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - room;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) break;
    widths[widths.indexOf(widest)] = widest - 1;
    excess -= 1;
  }
  return widths;
}
