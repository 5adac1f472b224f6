import type { KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { ApiError } from "./wire.ts";
import { errorCode } from "./wire.ts";

/** A request that the server refused. */
export class Refused extends Error {
  readonly error: ApiError;

  constructor(error: ApiError) {
    super(error.description ?? "refused");
    this.error = error;
  }

  /** Tells whether this is why. */
  is(code: number): boolean {
    return this.error.err_code === code;
  }
}

/** Tells whether the server refused a request for one reason. */
export function isRefused(error: unknown, code: number): error is Refused {
  return error instanceof Refused && error.is(code);
}

/** Why a request has no answer: it was not sent, or nobody knows what became of it. */
export class Unanswered extends Error {
  /** False when it certainly was not carried out. */
  readonly sent: boolean;

  constructor(sent: boolean, message: string) {
    super(message);
    this.sent = sent;
  }
}

/** What the server's error codes mean. What it has answered with one of them it has not carried out. */
const meanings: Readonly<Record<number, readonly [code: KeyValueErrorCode, message: string]>> = {
  [errorCode.messageTooLarge]: ["VALUE_TOO_LARGE", "the value is too large for the bucket"],
  [errorCode.streamExists]: ["BUCKET_EXISTS", "the bucket exists with another config"],
  [errorCode.streamNotFound]: ["BUCKET_NOT_FOUND", "the bucket was deleted"],
  10002: ["STORAGE_FULL", "the account may hold no more"],
  10023: ["STORAGE_FULL", "the server has no room"],
  10028: ["STORAGE_FULL", "the server has no memory left for streams"],
  10047: ["STORAGE_FULL", "the server has no storage left"],
  10039: ["UNSUPPORTED", "JetStream is not enabled for the account"],
  10076: ["UNSUPPORTED", "JetStream is not enabled on the server"],
  10005: ["UNSUPPORTED", "no server is as the placement says"],
  10074: ["UNSUPPORTED", "the server has no cluster for replicas"],
  10109: ["READ_ONLY", "the bucket is sealed"],
  10122: ["STORAGE_FULL", "the account may hold no larger bucket"],
};

function meaningOf({ err_code, description = "" }: ApiError): readonly [code: KeyValueErrorCode, message: string] {
  if (err_code === errorCode.notStored) {
    if (description.includes("maximum")) return ["BUCKET_FULL", "the bucket is full"];
    if (description.includes("no space left")) return ["STORAGE_FULL", "the server has no storage left"];
  }
  return meanings[err_code ?? 0] ?? ["INTERNAL", "the server refused"];
}

/** Errors that pass: the server cannot carry it out now, and has not. */
const passing: ReadonlySet<number> = new Set([10008, 10009, errorCode.duplicateInProcess]);

/** Tells whether a request that the server refused may be made again. */
export function isPassing({ err_code }: ApiError): boolean {
  return err_code !== undefined && passing.has(err_code);
}

/** What an error that the server has answered means. */
export function apiError(error: ApiError): KeyValueError {
  const said = `${error.description ?? "unknown"} (${error.err_code ?? error.code})`;
  const cause = new Error(`JetStream: ${said}`);
  if (isPassing(error)) return new KeyValueError("UNAVAILABLE", `the server is not ready: ${said}`, { cause });
  const [code, message] = meaningOf(error);
  return new KeyValueError(code, `${message}: ${said}`, { cause });
}

/** What an error of the client's is called, or what it tells of. */
function nameOf({ name, cause }: Error): string {
  return name === "RequestError" && cause instanceof Error ? cause.name : name;
}

/** Says what an error of the client means; `written` when it is of a write that may have been sent (rule M10). */
export function translateError(error: unknown, written: boolean): KeyValueError {
  if (isKeyValueError(error)) return error;
  if (error instanceof Refused) return apiError(error.error);
  const said = error instanceof Error ? error.message : String(error);
  const name = error instanceof Error ? nameOf(error) : "";
  if (name === "ClosedConnectionError" || name === "DrainingConnectionError") {
    return new KeyValueError("CLOSED", "the connection is closed", { cause: error });
  }
  if (name === "PermissionViolationError") {
    return new KeyValueError("PERMISSION_DENIED", `the user may not do that: ${said}`, { cause: error });
  }
  if (name === "AuthorizationError" || name === "UserAuthenticationExpiredError") {
    return new KeyValueError("PERMISSION_DENIED", `the server refuses the user: ${said}`, { cause: error });
  }
  return written && !(error instanceof Unanswered && !error.sent)
    ? new KeyValueError("OUTCOME_UNKNOWN", `a write was sent and not answered: ${said}`, { cause: error })
    : new KeyValueError("UNAVAILABLE", `the server cannot be reached: ${said}`, { cause: error });
}
