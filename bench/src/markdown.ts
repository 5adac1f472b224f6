/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[], fill = " "): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width, fill)).join(" | ")} |`;
  return [line(head), line([], "-"), ...rows.map((row) => line(row))].join("\n");
}

const numbers = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A number with three significant digits. */
export function number(value: number): string {
  return numbers.format(value);
}

/** A time with a unit in which it is easy to read. */
export function time(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${number(nanoseconds)} ns`;
  if (nanoseconds < 1e6) return `${number(nanoseconds / 1e3)} µs`;
  return nanoseconds < 1e9 ? `${number(nanoseconds / 1e6)} ms` : `${number(nanoseconds / 1e9)} s`;
}

/** Whether an aim was reached. */
export function verdict(met: boolean): string {
  return met ? "met" : "**not met**";
}
