import type { KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";

/**
 * What the server's errors mean, by SQLSTATE or its beginning; more exact ones come first. They have undone the statement,
 * also those that end the connection: the server no longer does that once it has begun to commit.
 */
const meanings: readonly (readonly [state: string, code: KeyValueErrorCode, message: string])[] = [
  ["RKV01", "INVALID_ARGUMENT", "the transaction is not at READ COMMITTED"],
  ["RKV02", "BUCKET_NOT_FOUND", "the bucket is not there"],
  ["55P03", "TIMEOUT", "another transaction held the bucket until the deadline"],
  ["57014", "TIMEOUT", "the statement was cancelled"],
  ["25006", "READ_ONLY", "the database cannot be written to"],
  ["25P02", "INVALID_ARGUMENT", "the transaction has failed and can only be rolled back"],
  ["42501", "PERMISSION_DENIED", "a grant is missing"],
  ["28", "PERMISSION_DENIED", "the database refuses the user"],
  ["53100", "STORAGE_FULL", "the disk of the database is full"],
  ["53", "UNAVAILABLE", "the database is short of resources"],
  ["57", "UNAVAILABLE", "the database ended the connection"],
  ["40", "UNAVAILABLE", "the database undid the transaction because of others"],
  [
    "26000",
    "INCOMPATIBLE_STORAGE",
    "the pooler in between does not keep prepared statements: turn preparedStatements off",
  ],
  [
    "42P05",
    "INCOMPATIBLE_STORAGE",
    "the pooler in between does not keep prepared statements: turn preparedStatements off",
  ],
  ["3D000", "INCOMPATIBLE_STORAGE", "there is no such database"],
  ["3F000", "INCOMPATIBLE_STORAGE", "the schema is missing"],
  ["42P01", "INCOMPATIBLE_STORAGE", "a table of the schema is missing"],
  ["42883", "INCOMPATIBLE_STORAGE", "a function of the schema is missing"],
  ["54", "VALUE_TOO_LARGE", "the value is larger than the database can hold"],
];

/**
 * What does not say what became of the statement: the connection was lost between a pooler and the server (08), the
 * server crashed (57P02), or it does not know itself (40003).
 */
const unknown = /^(08|57P02|40003)/;

/** What a server may say that stops: what it was about to commit may be on its disk all the same. */
const stopping = /^(53100|58|XX)/;

/** What a server ends a connection for. */
const ending = /^(57P|25P0[34])/;

/** What the server says of an error: its SQLSTATE, and how severe it is, in the server's own language. */
interface Said {
  readonly code: string;
  readonly severity: string;
}

/** What the server has said of a statement that it has undone. Errors of the system have codes too, but no severity. */
function undoing(error: unknown): Said | undefined {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  if (typeof severity !== "string" || typeof code !== "string" || unknown.test(code)) return undefined;
  if (severity === "PANIC" || (isTranslated(severity) && stopping.test(code))) return undefined;
  return { code, severity };
}

/** Tells whether only the code says how severe an error is. */
function isTranslated(severity: string): boolean {
  return severity !== "ERROR" && severity !== "FATAL";
}

/**
 * Tells whether an error is the server's answer to a statement: it has undone it, and the connection is as good as
 * before.
 */
export function isAnswer(error: unknown): boolean {
  const said = undoing(error);
  if (said === undefined) return false;
  return said.severity === "ERROR" || (isTranslated(said.severity) && !ending.test(said.code));
}

/** Says what an error of the driver means; `written` when it is of a write that may have been sent (rule M10). */
export function translateError(error: unknown, written: boolean): KeyValueError {
  if (isKeyValueError(error)) return error;
  const cause = error;
  const said = messageOf(error);
  const meaning = meaningOf(error);
  if (meaning !== undefined) return new KeyValueError(meaning[1], `${meaning[2]}: ${said}`, { cause });
  if (isAnswer(error)) return new KeyValueError("INTERNAL", `the database failed: ${said}`, { cause });
  return written
    ? new KeyValueError("OUTCOME_UNKNOWN", `the connection was lost after a write was sent: ${said}`, { cause })
    : new KeyValueError("UNAVAILABLE", `the database cannot be reached: ${said}`, { cause });
}

function meaningOf(error: unknown): (typeof meanings)[number] | undefined {
  const said = undoing(error);
  return said && meanings.find(([state]) => said.code.startsWith(state));
}

function messageOf(error: unknown): string {
  // Of several addresses that were tried the first tells enough.
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
