import { UsageError } from "./usage-error.ts";

/**
 * Reads a revision.
 *
 * @throws UsageError
 */
export function parseRevision(text: string): number {
  return wholeNumber(text, "revision");
}

/**
 * Reads how many entries a key keeps; whether a bucket can do that is for the bucket to say.
 *
 * @throws UsageError
 */
export function parseHistory(text: string): number {
  return wholeNumber(text, "number of entries");
}

function wholeNumber(text: string, what: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw new UsageError(`"${text}" is no ${what}`);
  return number;
}
