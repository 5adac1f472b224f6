import type { KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { expect, test } from "vitest";
import { bytes } from "../src/expect.ts";
import type { OracleEntry } from "../src/oracle.ts";
import { matches, Oracle } from "../src/oracle.ts";

const value = bytes("x");

function brief({ revision, operation, key }: OracleEntry): string {
  return `${revision} ${operation} ${key}`;
}

function codeOf(run: () => unknown): KeyValueErrorCode | undefined {
  try {
    run();
  } catch (error) {
    return isKeyValueError(error) ? error.code : undefined;
  }
  return undefined;
}

test("the oracle knows the basic round (O1)", () => {
  const oracle = new Oracle();
  expect([oracle.put("a", value), oracle.delete("a"), oracle.create("a", value)]).toEqual([1, 2, 3]);
  expect(oracle.get("a")?.revision).toBe(3);
  expect(codeOf(() => oracle.create("a", value))).toBe("KEY_EXISTS");
  expect(codeOf(() => oracle.update("a", value, 2))).toBe("REVISION_MISMATCH");
  expect(codeOf(() => oracle.update("b", value, 1))).toBe("REVISION_MISMATCH");
  expect(oracle.update("b", value, 0)).toBe(4);
});

test("the oracle keeps the newest entries, markers included (M4)", () => {
  const oracle = new Oracle({ history: 3 });
  oracle.put("a", value);
  oracle.delete("a");
  oracle.put("a", value);
  oracle.delete("a");
  expect(oracle.history(">").map(brief)).toEqual(["2 DEL a", "3 PUT a", "4 DEL a"]);
  expect(oracle.compactedTo).toBe(0);
  oracle.configure({ history: 1 });
  expect(oracle.history(">").map(brief)).toEqual(["4 DEL a"]);
  oracle.configure({ history: 3 });
  expect(oracle.history(">").map(brief)).toEqual(["4 DEL a"]);
});

test("the oracle's purge leaves the marker alone (O7)", () => {
  const oracle = new Oracle({ history: 5 });
  for (let count = 0; count < 3; count += 1) oracle.put("a", value);
  oracle.purge("a");
  expect(oracle.history("a").map(brief)).toEqual(["4 PURGE a"]);
});

test("the oracle's transactions are all or nothing (O10)", () => {
  const oracle = new Oracle({ history: 5 });
  oracle.put("a", value);
  const failing = [
    { op: "put", key: "a", value },
    { op: "check", key: "a", lastRevision: 1 },
  ] as const;
  expect(codeOf(() => oracle.transaction(failing))).toBe("REVISION_MISMATCH");
  expect([oracle.revision, oracle.kept.length, oracle.written.length]).toEqual([1, 1, 1]);
  const working = [
    { op: "check", key: "a", lastRevision: 1 },
    { op: "check", key: "b", lastRevision: null },
    { op: "put", key: "a", value },
    { op: "update", key: "a", value, lastRevision: 2 },
  ] as const;
  expect(oracle.transaction(working)).toEqual([1, 0, 2, 3]);
});

test("the oracle's bucket can be full (B10)", () => {
  const oracle = new Oracle({ maxBytes: 6 });
  oracle.put("a", bytes("12345"));
  expect(codeOf(() => oracle.put("b", value))).toBe("BUCKET_FULL");
  expect(oracle.put("a", bytes("54321"))).toBe(2);
  expect(oracle.delete("b")).toBe(3);
  expect(codeOf(() => oracle.put("b", value))).toBe("BUCKET_FULL");
  expect(oracle.put("a", bytes("1"))).toBe(4);
  expect(oracle.put("b", bytes("123"))).toBe(5);
  expect(oracle.bytes()).toBe(6);
});

test("the oracle's purgeDeletes removes old markers wholly and never a live key (P1, P2)", () => {
  const oracle = new Oracle({ history: 5 });
  oracle.put("old", value);
  oracle.delete("old");
  oracle.pass(100);
  oracle.put("young", value);
  oracle.delete("young");
  oracle.delete("live");
  oracle.put("live", value);
  expect(oracle.purgeDeletes(50)).toBe(3);
  expect(oracle.kept.map(brief)).toEqual(["4 DEL young", "5 DEL live", "6 PUT live"]);
  expect(oracle.compactedTo).toBe(2);
  expect(oracle.purgeDeletes(0)).toBe(1);
  expect(oracle.compactedTo).toBe(4);
});

test("the oracle's entries expire with all that came before them (T1, T4)", () => {
  const oracle = new Oracle({ history: 5, limitMarkerTtl: 50 });
  oracle.put("a", value);
  oracle.put("a", value, 100);
  oracle.put("b", value, 100);
  oracle.put("b", value);
  expect(oracle.pass(99)).toEqual([]);
  expect(oracle.get("a")?.revision).toBe(2);
  expect(oracle.pass(1)).toEqual(["a"]);
  expect(oracle.kept.map(brief)).toEqual(["4 PUT b"]);
  oracle.markExpired(["a"]);
  expect(oracle.newest("a")).toMatchObject({ revision: 5, operation: "PURGE", expired: true });
  expect([oracle.get("a"), oracle.compactedTo]).toEqual([null, 0]);
  expect(oracle.pass(50)).toEqual([]);
  expect([oracle.newest("a"), oracle.compactedTo]).toEqual([undefined, 5]);
});

test("the oracle's bucket ttl counts for what is there already, and brings nothing back (T1)", () => {
  const oracle = new Oracle({ ttl: 1000 });
  oracle.put("a", value);
  oracle.delete("b");
  oracle.pass(100);
  oracle.configure({ ttl: 100 });
  expect([oracle.kept, oracle.compactedTo]).toEqual([[], 2]);
  oracle.configure({ ttl: 1000 });
  expect(oracle.kept).toEqual([]);
});

test("the oracle's initial sets (W1, W2, W3, W5)", () => {
  const oracle = new Oracle({ history: 5 });
  oracle.put("a", value);
  oracle.put("b", value);
  oracle.put("a", value);
  oracle.delete("b");
  const set = (...args: Parameters<Oracle["initial"]>): string[] => oracle.initial(...args).map(brief);
  expect(set(">")).toEqual(["3 PUT a", "4 DEL b"]);
  expect(set(">", { ignoreDeletes: true })).toEqual(["3 PUT a"]);
  expect(set(">", { includeHistory: true, ignoreDeletes: true })).toEqual(["1 PUT a", "2 PUT b", "3 PUT a"]);
  expect(set(">", { updatesOnly: true })).toEqual([]);
  expect(set("b", { resumeFromRevision: 2 })).toEqual(["2 PUT b", "4 DEL b"]);
});

test("the oracle's filters (K2, K3)", () => {
  const keys = ["x", "x.y", "x.y.z", "y", "y.z"];
  const matching = (filter: string | readonly string[]): string[] => keys.filter((key) => matches(filter, key));
  expect(matching(">")).toEqual(keys);
  expect(matching([])).toEqual(keys);
  expect(matching("*")).toEqual(["x", "y"]);
  expect(matching("x.>")).toEqual(["x.y", "x.y.z"]);
  expect(matching("x.*")).toEqual(["x.y"]);
  expect(matching("*.*.z")).toEqual(["x.y.z"]);
  expect(matching(["x", "*.z", "y.>"])).toEqual(["x", "y.z"]);
});
