import type { KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";

/**
 * What the server's errors mean, by SQLSTATE or its beginning; more exact ones come first. An error that the server
 * reports has undone the statement, so that none of these is of unknown outcome.
 */
const meanings: readonly (readonly [state: string, code: KeyValueErrorCode, message: string])[] = [
  ["RKV01", "INVALID_ARGUMENT", "the transaction is not at READ COMMITTED"],
  ["RKV02", "BUCKET_NOT_FOUND", "the bucket was deleted"],
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

/** The server crashed: a commit may have been carried out right before. */
const crash = "57P02";

/** Says what an error of the driver means; `written` when it is of a write that may have been sent. */
export function translateError(error: unknown, written: boolean): KeyValueError {
  if (isKeyValueError(error)) return error;
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  const isAnswer = typeof severity === "string" && typeof code === "string" && code !== crash;
  if (!isAnswer) {
    return written
      ? new KeyValueError("OUTCOME_UNKNOWN", "the connection was lost after a write was sent", { cause: error })
      : unavailable(error);
  }
  const meaning = meanings.find(([state]) => code.startsWith(state));
  const said = messageOf(error);
  return meaning === undefined
    ? new KeyValueError("INTERNAL", `the database failed: ${said}`, { cause: error })
    : new KeyValueError(meaning[1], `${meaning[2]}: ${said}`, { cause: error });
}

/** The error of a step that reached no server, or of a read whose connection was lost. */
export function unavailable(error: unknown): KeyValueError {
  const { severity } = (error ?? {}) as { readonly severity?: unknown };
  if (typeof severity === "string") return translateError(error, false);
  return new KeyValueError("UNAVAILABLE", `the database cannot be reached: ${messageOf(error)}`, { cause: error });
}

function messageOf(error: unknown): string {
  // Of several addresses that were tried the first tells enough.
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
