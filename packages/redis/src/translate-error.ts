import type { KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";

/** What the server's errors mean, by their first word. They have changed nothing. */
const meanings: Readonly<Record<string, readonly [code: KeyValueErrorCode, message: string]>> = {
  OOM: ["STORAGE_FULL", "the server is out of memory"],
  MISCONF: ["STORAGE_FULL", "the server cannot save to its disk and takes no writes"],
  NOAUTH: ["PERMISSION_DENIED", "the server asks for a password"],
  WRONGPASS: ["PERMISSION_DENIED", "the server refuses the user"],
  NOPERM: ["PERMISSION_DENIED", "the user may not do this"],
  READONLY: ["READ_ONLY", "the server is a replica"],
  NOREPLICAS: ["UNAVAILABLE", "too few replicas are connected"],
  WRONGTYPE: ["INCOMPATIBLE_STORAGE", "the keys under this prefix are not revkv's"],
  CROSSSLOT: ["INCOMPATIBLE_STORAGE", "the keys of a bucket are not in one slot"],
};

/** Errors of a server that has not carried out a command, and may do so soon. */
const passing: ReadonlySet<string> = new Set([
  "READONLY",
  "LOADING",
  "CLUSTERDOWN",
  "MASTERDOWN",
  "TRYAGAIN",
  "NOREPLICAS",
  "BUSY",
  "MOVED",
  "ASK",
  // What is due could not be carried out by this user: somebody else's manager will do it.
  "DUE",
]);

/** What servers before 7.0 put before the error of a command that a script has called. */
const inScript = /^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )*-?/;

/** What `ioredis` says of a command that it has not written to a connection. */
const unsent = /enableOfflineQueue options is false/;

/** What became of a command that was not given to the client. */
export class Unsent extends Error {}

/** Tells whether an error is the server's answer to a command. */
export function isAnswer(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

/** Tells whether a command was not carried out for a reason that may pass. */
export function isPassing(error: unknown): boolean {
  if (isAnswer(error)) return passing.has(firstWord(error));
  return error instanceof Unsent || (error instanceof Error && unsent.test(error.message));
}

/** The first word of the server's answer, which says what kind of error it is. */
export function firstWord(error: Error): string {
  const message = error.message.replace(inScript, "");
  // What Redis says of a command that a script has called.
  return message.startsWith("ERR The user executing the script") ? "NOPERM" : (message.split(" ", 1)[0] as string);
}

/** Says what an error of the client means; `written` when it is of a write that may have been sent (rule M10). */
export function translateError(error: unknown, written: boolean): KeyValueError {
  if (isKeyValueError(error)) return error;
  const cause = error;
  const said = error instanceof Error ? error.message : String(error);
  if (isAnswer(error)) {
    const [code, message] = meanings[firstWord(error)] ?? [
      isPassing(error) ? "UNAVAILABLE" : "INTERNAL",
      "the server failed",
    ];
    return new KeyValueError(code, `${message}: ${said}`, { cause });
  }
  if (unsent.test(said))
    return new KeyValueError("UNAVAILABLE", "the server cannot be reached: not connected", { cause });
  return written && !isPassing(error)
    ? new KeyValueError("OUTCOME_UNKNOWN", `the connection was lost after a write was sent: ${said}`, { cause })
    : new KeyValueError("UNAVAILABLE", `the server cannot be reached: ${said}`, { cause });
}
