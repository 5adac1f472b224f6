import type { Output } from "./output.ts";

/** The narrowest that a column becomes before others give way, in characters. */
const narrowest = 8;

/** Between and around columns: a border and a space on each side of every cell. */
const padding = 3;

/** Prints a table that is as wide as the terminal at most: the widest columns give way. */
export async function printTable(
  output: Output,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const { default: Table } = await import("cli-table3");
  const { default: widthOf } = await import("string-width");
  const natural = head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column] ?? "")].flatMap((cell) => cell.split("\n").map(widthOf))),
  );
  const widths = widthsWithin(natural, output.columns - 1 - padding * head.length);
  const table = new Table({
    head: [...head],
    colWidths: widths.map((width) => width + 2),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  await output.line(table.toString());
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
