import {
  isKeyValueError,
  KeyExistsError,
  KeyValueError,
  RevisionCompactedError,
  RevisionMismatchError,
} from "@revkv/api";
import { expect, test, vi } from "vitest";

test("E: an error carries its code, its data and its cause", () => {
  const cause = new Error("driver");
  const error = new RevisionMismatchError("k", 3, 5, { cause });
  expect(error).toBeInstanceOf(KeyValueError);
  expect(error).toMatchObject({ code: "REVISION_MISMATCH", key: "k", expected: 3, actual: 5, cause });
  expect(new KeyExistsError("k", 7)).toMatchObject({ code: "KEY_EXISTS", key: "k", revision: 7 });
  expect(new RevisionCompactedError(1, 9)).toMatchObject({ code: "REVISION_COMPACTED", compactedTo: 9 });
  expect(String(new KeyValueError("CLOSED", "it is closed"))).toBe("KeyValueError: it is closed");
});

test("E: the guard tells our errors from others, by code", () => {
  const error: unknown = new KeyValueError("TIMEOUT", "late");
  expect(isKeyValueError(error)).toBe(true);
  expect(isKeyValueError(error, "TIMEOUT")).toBe(true);
  expect(isKeyValueError(error, "CLOSED")).toBe(false);
  for (const other of [
    new Error("TIMEOUT"),
    { code: "TIMEOUT" },
    Object.assign(new Error("x"), { code: "TIMEOUT" }),
    null,
  ]) {
    expect(isKeyValueError(other)).toBe(false);
  }
});

test("E: the guard works across two copies of the package", async () => {
  vi.resetModules();
  const copy = await import("@revkv/api");
  expect(copy.KeyValueError).not.toBe(KeyValueError);
  expect(isKeyValueError(new copy.KeyExistsError("k", 1), "KEY_EXISTS")).toBe(true);
});
