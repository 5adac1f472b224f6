import { UsageError } from "./usage-error.ts";

/** Each is 1,024 times the one before, as with `nats`. */
const units = ["B", "KB", "MB", "GB", "TB"];

/**
 * Reads a size such as `512`, `64KB` or `1MB`, in bytes; `K`, `KB` and `KiB` are all 1,024 bytes.
 *
 * @throws UsageError
 */
export function parseSize(text: string): number {
  const [, count, letter] = /^(\d+(?:\.\d+)?) ?(?:([kmgt])(?:i?b)?|b)?$/i.exec(text) ?? [];
  const power = letter === undefined ? 0 : "KMGT".indexOf(letter.toUpperCase()) + 1;
  const bytes = Math.round(Number(count) * 1024 ** power);
  if (!Number.isSafeInteger(bytes)) throw new UsageError(`"${text}" is no size: 512, 64KB, 1MB and 2GB are`);
  return bytes;
}

/** Writes a size for a person: 65,536 is `64 KB`. */
export function formatSize(bytes: number): string {
  let power = 0;
  while (bytes >= 1024 ** (power + 1) && power < units.length - 1) power += 1;
  const count = bytes / 1024 ** power;
  return `${Number.isInteger(count) ? count : count.toFixed(1)} ${units[power]}`;
}
