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

/** Reads what `commit` gives: a word for each unit. */
export function outcomesOf(words: string): Outcome[] {
  return words.split(" ").map(outcomeOf);
}

/** Reads what became of one unit. */
export function outcomeOf(word: string): Outcome {
  const [, kind, number, operation] = /^([a-z])(\d*)@(\d+)$/.exec(word) ?? [];
  if (kind === undefined) return word.split(",").map(Number);
  return refusalOf(kind, Number(number), Number(operation));
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
