import type { KeyFilter } from "@revkv/api";

/** Behind every key: keys are ASCII. */
export const lastKey = "\u007f";

/** The one range that holds all ranges of a filter. */
export function bounds({ ranges }: KeyFilter): { readonly from: string; readonly to: string } {
  return { from: ranges[0]?.from ?? "", to: ranges.at(-1)?.to ?? lastKey };
}

/** The first of some rows whose sizes add up to at most `maxBytes`, but at least one; the size is the second column. */
export function cutToSize<T extends readonly unknown[]>(rows: readonly T[], maxBytes: number): readonly T[] {
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    bytes += row[1] as number;
    if (bytes > maxBytes && index > 0) return rows.slice(0, index);
  }
  return rows;
}
