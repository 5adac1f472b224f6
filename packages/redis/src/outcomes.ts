import type { Outcome, Refusal, Unit, Write } from "@revkv/api/adapter";
import { bytesOf } from "@revkv/api/adapter";
import type { Argument } from "./redis-client.ts";

const operationCodes = { put: 0, delete: 1, purge: 2, check: 4 } as const;
const endOfUnit = 8;
const conditionKinds = { none: 0, notLive: 1, revision: 2 } as const;

/** How many bytes describe an operation; see lua/commit.lua. */
const operationSize = 18;

/** What the commit script wants of units. */
export function commitArguments(units: readonly Unit[]): Argument[] {
  const count = units.reduce((sum, unit) => sum + unit.length, 0);
  const operations = Buffer.alloc(count * operationSize);
  const args: Argument[] = [operations];
  let offset = 0;
  for (const unit of units) {
    for (const [index, write] of unit.entries()) {
      describe(write, index === unit.length - 1, operations.subarray(offset, offset + operationSize));
      offset += operationSize;
      args.push(write.key);
      if (write.op === "put") args.push(buffer(bytesOf(write.value)));
    }
  }
  return args;
}

function describe({ op, expect, ttl }: Write, isLast: boolean, into: Buffer): void {
  into.writeUInt8(operationCodes[op] + (isLast ? endOfUnit : 0), 0);
  into.writeUInt8(
    expect === undefined ? conditionKinds.none : expect === null ? conditionKinds.notLive : conditionKinds.revision,
    1,
  );
  into.writeBigUInt64BE(BigInt(expect ?? 0), 2);
  into.writeBigUInt64BE(BigInt(ttl ?? 0), 10);
}

/** The client takes bytes only as a `Buffer`. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Reads what became of each unit from the answer of the commit script. */
export function outcomesOf(units: readonly Unit[], words: readonly unknown[]): Outcome[] {
  return units.map((unit, index) => outcomeOf(unit, words[index]));
}

/**
 * What became of units whose answer was lost, by what the log says of them, and by the last revision of their step;
 * undefined when it does not say it.
 */
export function loggedOutcomes(units: readonly Unit[], last: number, logged: string): Outcome[] | undefined {
  if (logged === "?") return undefined;
  const words = logged === "" ? units.map(() => "+") : logged.split(" ");
  const isWritten = (index: number): boolean => !/^[a-z]/.test(words[index] ?? "");
  const written = units.flatMap((unit, index) => (isWritten(index) ? unit : [])).filter(({ op }) => op !== "check");
  let next = last + 1 - written.length;
  return units.map((unit, index) => {
    const first = next;
    if (isWritten(index)) next += unit.filter(({ op }) => op !== "check").length;
    return outcomeOf(unit, words[index] === "+" ? first : words[index]);
  });
}

function outcomeOf(unit: Unit, word: unknown): Outcome {
  if (typeof word === "number") return unit.map((_, index) => word + index);
  const text = String(word);
  const [, kind, number, operation] = /^([a-z])(\d*)@(\d+)$/.exec(text) ?? [];
  if (kind !== undefined) return refusalOf(kind, Number(number), Number(operation));
  const found = text.split(",").map(Number);
  // Operations that follow each other are told by the first.
  return found.length === unit.length ? found : unit.map((_, index) => (found[0] as number) + index);
}

function refusalOf(kind: string, number: number, operation: number): Refusal {
  switch (kind) {
    case "c":
      return { refused: "condition", operation, actual: number };
    case "v":
      return { refused: "value-too-large", operation, limit: number };
    case "t":
      return { refused: "ttl-not-enabled", operation };
    case "m":
      return { refused: "storage-full", operation };
    default:
      return { refused: "bucket-full", limit: number };
  }
}
