import { isAscii } from "node:buffer";
import type { Outcome, Refusal, Unit, Value, Write } from "@revkv/api/adapter";
import { bytesOf } from "@revkv/api/adapter";
import type { Argument } from "./redis-client.ts";

const operationCodes = { put: 0, delete: 1, purge: 2, check: 4 } as const;
const endOfUnit = 8;
const withoutMemory = 16;
const conditionKinds = { none: 0, notLive: 1, revision: 2 } as const;

/** How many bytes describe an operation, and where its parts are; see lua/shared/operations.lua. */
const operationSize = 24;
const at = { code: 0, condition: 1, expect: 2, life: 10, keyLength: 18, valueLength: 20 } as const;

/** Values of more bytes are arguments of their own; where the length of others is, they have this one. */
const mostAmongOperations = 4096;
const elsewhere = 0xffff_ffff;

/**
 * What the commit script wants of units: their operations in one piece, which costs the client and the server less than
 * many, and large values. `isFull`: the puts are to be refused, since the server has no memory for them.
 */
export function commitArguments(units: readonly Unit[], isFull = false): Argument[] {
  const parts: {
    readonly write: Write;
    readonly isLast: boolean;
    readonly value: Uint8Array;
    readonly apart: boolean;
  }[] = [];
  let size = 0;
  for (const unit of units) {
    for (const [index, write] of unit.entries()) {
      const value = write.op === "put" ? bytesOf(write.value) : nothing;
      const apart = value.length > mostAmongOperations;
      parts.push({ write, isLast: index === unit.length - 1, value, apart });
      size += operationSize + write.key.length + (apart ? 0 : value.length);
    }
  }
  const operations = Buffer.allocUnsafe(size);
  const args: Argument[] = [operations];
  let offset = 0;
  for (const { write, isLast, value, apart } of parts) {
    const { op, key, expect, ttl } = write;
    const code = operationCodes[op] + (isLast ? endOfUnit : 0) + (isFull && op === "put" ? withoutMemory : 0);
    const kind = expect === undefined ? "none" : expect === null ? "notLive" : "revision";
    operations.writeUInt8(code, offset + at.code);
    operations.writeUInt8(conditionKinds[kind], offset + at.condition);
    writeWide(operations, expect ?? 0, offset + at.expect);
    writeWide(operations, ttl ?? 0, offset + at.life);
    operations.writeUInt16BE(key.length, offset + at.keyLength);
    operations.writeUInt32BE(apart ? elsewhere : value.length, offset + at.valueLength);
    offset += operationSize;
    offset += operations.write(key, offset, "latin1");
    if (apart) args.push(buffer(value));
    else {
      operations.set(value, offset);
      offset += value.length;
    }
  }
  return args;
}

/** What the script for mere puts wants of units; undefined when they are anything else. */
export function putArguments(units: readonly Unit[]): Argument[] | undefined {
  if (!units.every(isMerePut)) return undefined;
  const [write] = units[0] as Unit;
  if (write === undefined || units.length > 1) return ["", ...commitArguments(units)];
  return [write.key, textIfPossible(write.value)];
}

/** The client sends a command of nothing but text in a fifth of the time that it takes for one with bytes in it. */
function textIfPossible(value: Value): Argument {
  if (typeof value === "string") return value;
  return isAscii(value) ? buffer(value).toString("latin1") : buffer(value);
}

function isMerePut([write, ...others]: Unit): boolean {
  if (write === undefined || others.length > 0 || write.op !== "put") return false;
  return write.expect === undefined && write.ttl === undefined;
}

const nothing = new Uint8Array();

function writeWide(into: Buffer, number: number, offset: number): void {
  into.writeUInt32BE(Math.floor(number / 2 ** 32), offset);
  into.writeUInt32BE(number % 2 ** 32, offset + 4);
}

/** The client takes bytes only as a `Buffer`. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Reads what became of each unit from the answer of a script: of mere puts, or of a commit, which may leave out the last ones. */
export function outcomesOf(units: readonly Unit[], reply: unknown): Outcome[] {
  if (typeof reply === "number") return units.map((_, index) => [reply + index]);
  const [, ...words] = reply as readonly unknown[];
  return units.slice(0, words.length).map((unit, index) => outcomeOf(unit, words[index]));
}

/** The last revision that units were given; 0 when they were given none. */
export function lastGiven(units: readonly Unit[], outcomes: readonly Outcome[]): number {
  let last = 0;
  for (let index = 0; index < outcomes.length; index += 1) {
    const outcome = outcomes[index] as Outcome;
    if ("refused" in outcome) continue;
    for (let place = 0; place < outcome.length; place += 1) {
      const revision = outcome[place] as number;
      if (revision > last && units[index]?.[place]?.op !== "check") last = revision;
    }
  }
  return last;
}

/**
 * What became of units whose answer was lost, by what the log says of them, and by the last revision of their step;
 * undefined when it does not say it.
 */
export function loggedOutcomes(units: readonly Unit[], last: number, logged: string): Outcome[] | undefined {
  if (logged === "?") return undefined;
  const words = logged === "" ? units.map(() => "+") : logged.split(" ");
  const done = units.slice(0, words.length);
  const isWritten = (index: number): boolean => !/^[a-z]/.test(words[index] ?? "");
  const written = done.flatMap((unit, index) => (isWritten(index) ? unit : [])).filter(({ op }) => op !== "check");
  let next = last + 1 - written.length;
  return done.map((unit, index) => {
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
