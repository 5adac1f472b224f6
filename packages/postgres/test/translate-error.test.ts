import { KeyValueError } from "@revkv/api";
import { expect, test } from "vitest";
import { isAnswer, translateError } from "../src/translate-error.ts";

/** What the server says, as the driver gives it. */
function said(severity: string, code: string): Error {
  return Object.assign(new Error(`said ${code}`), { severity, code });
}

/** What the system says of a connection. */
function broken(code: string): Error {
  return Object.assign(new Error(`broken by ${code}`), { code, syscall: "read" });
}

test.each([
  // The server undid the statement, and says why.
  [said("ERROR", "55P03"), "TIMEOUT", "TIMEOUT"],
  [said("ERROR", "57014"), "TIMEOUT", "TIMEOUT"],
  [said("ERROR", "RKV02"), "BUCKET_NOT_FOUND", "BUCKET_NOT_FOUND"],
  [said("ERROR", "25006"), "READ_ONLY", "READ_ONLY"],
  [said("ERROR", "42501"), "PERMISSION_DENIED", "PERMISSION_DENIED"],
  [said("ERROR", "53100"), "STORAGE_FULL", "STORAGE_FULL"],
  [said("ERROR", "53200"), "UNAVAILABLE", "UNAVAILABLE"],
  [said("ERROR", "40P01"), "UNAVAILABLE", "UNAVAILABLE"],
  [said("ERROR", "54000"), "VALUE_TOO_LARGE", "VALUE_TOO_LARGE"],
  [said("ERROR", "XX000"), "INTERNAL", "INTERNAL"],
  // It ended the connection, and had not committed.
  [said("FATAL", "57P01"), "UNAVAILABLE", "UNAVAILABLE"],
  [said("FATAL", "57P03"), "UNAVAILABLE", "UNAVAILABLE"],
  [said("FATAL", "57P05"), "UNAVAILABLE", "UNAVAILABLE"],
  [said("FATAL", "53300"), "UNAVAILABLE", "UNAVAILABLE"],
  [said("FATAL", "28P01"), "PERMISSION_DENIED", "PERMISSION_DENIED"],
  // Nobody knows what became of what was under way.
  [said("FATAL", "57P02"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [said("FATAL", "08P01"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [said("ERROR", "08006"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [said("ERROR", "40003"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [said("PANIC", "XX000"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [said("PANIC", "53100"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  // In the server's language only the code tells an error from the end of a connection or of the server.
  [said("FEHLER", "22003"), "INTERNAL", "INTERNAL"],
  [said("FEHLER", "55P03"), "TIMEOUT", "TIMEOUT"],
  [said("PANIK", "53100"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [said("PANIK", "XX000"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [broken("ECONNRESET"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [broken("EPIPE"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [new Error("Connection terminated unexpectedly"), "UNAVAILABLE", "OUTCOME_UNKNOWN"],
  [undefined, "UNAVAILABLE", "OUTCOME_UNKNOWN"],
])("%s: of a read %s, of a write %s", (error, read, write) => {
  expect(translateError(error, false)).toMatchObject({ code: read, cause: error });
  expect(translateError(error, true)).toMatchObject({ code: write, cause: error });
});

test("an error of ours stays as it is", () => {
  const error = new KeyValueError("TIMEOUT", "late");
  expect(translateError(error, true)).toBe(error);
});

test("a connection is as good as before after an answer only", () => {
  expect(isAnswer(said("ERROR", "55P03"))).toBe(true);
  expect(isAnswer(said("FEHLER", "55P03"))).toBe(true);
  expect(isAnswer(said("FATAL", "57P01"))).toBe(false);
  expect(isAnswer(said("СБОЙ", "57P01"))).toBe(false);
  expect(isAnswer(said("СБОЙ", "25P03"))).toBe(false);
  expect(isAnswer(said("PANIK", "XX000"))).toBe(false);
  expect(isAnswer(said("ERROR", "08P01"))).toBe(false);
  expect(isAnswer(broken("ECONNRESET"))).toBe(false);
});

test("of several addresses that were tried the first is told", () => {
  const error = new AggregateError([broken("ECONNREFUSED"), broken("EHOSTUNREACH")], "");
  expect(translateError(error, false).message).toContain("broken by ECONNREFUSED");
});
