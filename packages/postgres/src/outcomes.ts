import type { Outcome, Refusal, Write } from "@revkv/api/adapter";

/** What stands for an operation in the functions of the database. */
const operationCodes = { put: 0, delete: 1, purge: 2, check: 4 } as const;

/** What the functions of the database want of a write, beside its key. */
export function operationCode({ op }: Write): number {
  return operationCodes[op];
}

/** A condition: -1 stands for "not live". */
export function expectation({ expect }: Write): number | null {
  return expect === undefined ? null : (expect ?? -1);
}

/** How many operations behind each one have its key. */
export function laterOnes(writes: readonly Write[]): number[] {
  const counts = new Map<string, number>();
  return writes
    .map(({ key }) => {
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      return [key, count] as const;
    })
    .map(([key, before]) => (counts.get(key) as number) - 1 - before);
}

/** Reads what `commit` gives: a word for each of some units, or the first revision of all. */
export function outcomesOf(words: string, units: number): Outcome[] {
  if (!words.startsWith("+")) return words.split(" ").map(outcomeOf);
  const first = Number(words);
  return Array.from({ length: units }, (_, index) => [first + index]);
}

/** Reads what became of one unit. */
export function outcomeOf(word: string): Outcome {
  const at = word.indexOf("@");
  if (at !== -1) return refusalOf(word.slice(0, 1), Number(word.slice(1, at)), Number(word.slice(at + 1)));
  return word.includes(",") ? word.split(",").map(Number) : [Number(word)];
}

function refusalOf(kind: string, number: number, operation: number): Refusal {
  switch (kind) {
    case "c":
      return { refused: "condition", operation, actual: number };
    case "v":
      return { refused: "value-too-large", operation, limit: number };
    case "t":
      return { refused: "ttl-not-enabled", operation };
    default:
      return { refused: "bucket-full", limit: number };
  }
}
