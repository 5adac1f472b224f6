import { UsageError } from "./usage-error.ts";

/** Milliseconds by unit, the largest first. */
const units: readonly (readonly [unit: string, milliseconds: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/**
 * Reads a duration such as `10s`, `5m`, `2h30m`, `7d`, `1.5s` or `0`, in milliseconds.
 *
 * @throws UsageError
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  let total = 0;
  let from = 0;
  for (const [whole, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy)) {
    total += Number(count) * (units.find(([name]) => name === unit)?.[1] ?? 0);
    from += whole.length;
  }
  const milliseconds = Math.round(total);
  if (from === 0 || from < text.length || !Number.isSafeInteger(milliseconds)) {
    throw new UsageError(`"${text}" is no duration: 500ms, 10s, 5m, 2h30m and 7d are`);
  }
  return milliseconds;
}

/** Writes a duration as {@link parseDuration} reads it: 9,000,000 is `2h30m`. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === "" ? "0s" : text;
}
