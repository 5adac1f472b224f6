import type { Capabilities } from "../capabilities.ts";
import { isKeyValueError, KeyValueError } from "../errors.ts";
import { checkKey, isPlainObject, shown } from "../names.ts";
import type { Value } from "./bytes.ts";
import { copyBytes, isBytes, lengthOf } from "./bytes.ts";
import type { Write } from "./write.ts";

type OptionsOf = "call" | "write" | "delete" | "purge" | "history" | "purgeDeletes" | "watch";

/** The options of each call, by name; any other name is refused (rule E2). */
export const allowedOptions: Readonly<Record<OptionsOf, ReadonlySet<string>>> = {
  call: new Set(["signal"]),
  write: new Set(["signal", "ttl"]),
  delete: new Set(["signal", "lastRevision"]),
  purge: new Set(["signal", "lastRevision", "ttl"]),
  history: new Set(["signal", "ignoreDeletes", "metaOnly"]),
  purgeDeletes: new Set(["signal", "olderThan"]),
  watch: new Set([
    "signal",
    "includeHistory",
    "updatesOnly",
    "ignoreDeletes",
    "metaOnly",
    "resumeFromRevision",
    "resumeIncarnation",
  ]),
};

/** The fields that an operation of a transaction can have. */
const operationFields: Readonly<Record<string, ReadonlySet<string>>> = {
  put: new Set(["op", "key", "value", "ttl"]),
  create: new Set(["op", "key", "value", "ttl"]),
  update: new Set(["op", "key", "value", "lastRevision", "ttl"]),
  delete: new Set(["op", "key", "lastRevision"]),
  purge: new Set(["op", "key", "lastRevision", "ttl"]),
  check: new Set(["op", "key", "lastRevision"]),
};

/**
 * Checks that options are an object with none but the allowed names, and that `signal` is one (rule E2).
 *
 * @throws `INVALID_ARGUMENT`
 */
export function checkOptions(options: unknown, allowed: ReadonlySet<string>): void {
  if (options === undefined) return;
  checkFields(options, allowed, "options are");
  const { signal } = options as { readonly signal?: unknown };
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid(`signal is an AbortSignal, not ${shown(signal)}`);
  }
}

/** @throws `INVALID_ARGUMENT` unless the option is true, false or left out */
export function checkFlags(options: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw invalid(`${name} is true or false, not ${shown(value)}`);
    }
  }
}

/** @throws `INVALID_ARGUMENT` unless the value is a safe integer that is not below `least` */
export function checkInteger(value: unknown, name: string, least: number): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw invalid(`${name} is a whole number of at least ${least}, not ${shown(value)}`);
  }
}

const noBytes = new Uint8Array(0);

/**
 * Makes a value our own, so that what the caller does with its buffer later changes nothing (rule M6).
 *
 * @throws `INVALID_ARGUMENT` for what is neither bytes nor text, `VALUE_TOO_LARGE` beyond what the adapter can hold
 */
function ownValue(value: unknown, { maxValueBytes }: Capabilities): Value {
  if (typeof value !== "string" && !isBytes(value)) {
    throw invalid(`a value is a Uint8Array or a string, not ${shown(value)}`);
  }
  // A character has three bytes at the most: text that is short enough for that need not be measured.
  if (value.length * 3 > maxValueBytes && lengthOf(value) > maxValueBytes) {
    throw tooLarge(lengthOf(value), maxValueBytes);
  }
  // Half of a surrogate pair has no UTF-8: it becomes U+FFFD, as when it is encoded.
  const own = typeof value === "string" ? value.toWellFormed() : copyBytes(value);
  if (own === undefined) throw invalid("the value's buffer was detached or made shorter");
  return own;
}

/** The error of a value that is too large (rule B9). */
export function tooLarge(length: number, limit: number): KeyValueError {
  return new KeyValueError("VALUE_TOO_LARGE", `the value has ${length} bytes, at most ${limit} are possible`);
}

/**
 * Checks one operation of a transaction and makes it a write; an error says which one it was.
 *
 * @throws `INVALID_KEY`, `INVALID_ARGUMENT`, `VALUE_TOO_LARGE`, `UNSUPPORTED`
 */
export function writeOf(operation: unknown, capabilities: Capabilities, index: number): Write {
  try {
    return checkedWrite(operation, capabilities);
  } catch (error) {
    if (!isKeyValueError(error)) throw error;
    throw new KeyValueError(error.code, `operation ${index}: ${error.message}`, { cause: error });
  }
}

function checkedWrite(operation: unknown, capabilities: Capabilities): Write {
  const op = (operation as { readonly op?: unknown } | null | undefined)?.op;
  const fields = typeof op === "string" && Object.hasOwn(operationFields, op) ? operationFields[op] : undefined;
  if (fields === undefined) throw invalid(`an operation's op is put, create, update, delete, purge or check`);
  checkFields(operation, fields, `the operation "${String(op)}" is`);
  const { key, value, lastRevision, ttl } = operation as Readonly<Record<string, unknown>>;
  switch (op) {
    case "create":
      return putWrite(key, value, null, ttl, capabilities);
    case "update":
      checkInteger(lastRevision, "lastRevision", 0);
      return putWrite(key, value, lastRevision, ttl, capabilities);
    case "delete":
      return markerWrite("delete", key, operation, undefined, capabilities);
    case "purge":
      return markerWrite("purge", key, operation, ttl, capabilities);
    case "check":
      checkKey(key);
      if (lastRevision !== null) checkInteger(lastRevision, "lastRevision", 0);
      return { op: "check", key, value: noBytes, expect: lastRevision, ttl: undefined };
    default:
      return putWrite(key, value, undefined, ttl, capabilities);
  }
}

/** @throws `INVALID_KEY`, `INVALID_ARGUMENT`, `VALUE_TOO_LARGE`, `UNSUPPORTED` */
export function putWrite(
  key: unknown,
  value: unknown,
  expect: number | null | undefined,
  ttl: unknown,
  capabilities: Capabilities,
): Write {
  checkKey(key);
  checkTtl(ttl, capabilities);
  return { op: "put", key, value: ownValue(value, capabilities), expect, ttl };
}

/**
 * Checks a delete or purge; `lastRevision` that is there but undefined is refused, never silently unconditional (O5).
 *
 * @throws `INVALID_KEY`, `INVALID_ARGUMENT`, `UNSUPPORTED`
 */
export function markerWrite(
  op: "delete" | "purge",
  key: unknown,
  options: unknown,
  ttl: unknown,
  capabilities: Capabilities,
): Write {
  checkKey(key);
  checkTtl(ttl, capabilities);
  let expect: number | undefined;
  if (typeof options === "object" && options !== null && "lastRevision" in options) {
    const { lastRevision } = options;
    checkInteger(lastRevision, "lastRevision", 1);
    expect = lastRevision;
  }
  return { op, key, value: noBytes, expect, ttl };
}

function checkTtl(ttl: unknown, capabilities: Capabilities): asserts ttl is number | undefined {
  if (ttl === undefined) return;
  checkInteger(ttl, "ttl", 1);
  if (!capabilities.perKeyTtl) throw new KeyValueError("UNSUPPORTED", "single entries can have no ttl here");
}

function checkFields(value: unknown, allowed: ReadonlySet<string>, what: string): void {
  if (!isPlainObject(value)) throw invalid(`${what} a plain object, not ${shown(value)}`);
  for (const name of Object.keys(value)) {
    if (!allowed.has(name)) throw invalid(`"${name}" is not an option here; known: ${[...allowed].join(", ")}`);
  }
}

export function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_ARGUMENT", message);
}
