import { expect, test } from "vitest";
import { violations } from "../src/process/linearizability.ts";
import type { Recorded } from "../src/process/record.ts";

/** A write from `invoked` to `returned`. */
function write(
  key: string,
  revision: number,
  invoked: number,
  returned: number,
  more: Partial<Recorded> = {},
): Recorded {
  return { kind: "write", key, revision, invoked, returned, operation: "PUT", value: `${revision}`, ...more };
}

function read(
  key: string,
  revision: number,
  invoked: number,
  returned: number,
  more: Partial<Recorded> = {},
): Recorded {
  return { kind: "read", key, revision, invoked, returned, ...more };
}

const absent = (key: string, invoked: number, returned: number): Recorded => ({
  kind: "absent",
  key,
  revision: 0,
  invoked,
  returned,
});

const deleted = { operation: "DEL", value: undefined } as const;
const whole = { whole: true };

test("operations that overlap may take effect in any order", () => {
  const history = [
    write("a", 2, 0, 10),
    write("a", 1, 0, 10),
    write("b", 3, 5, 6),
    read("a", 1, 1, 9),
    read("a", 2, 0, 3),
    read("b", 0, 0, 5),
    absent("b", 0, 5.5),
  ];
  expect(violations(history, whole)).toEqual([]);
});

test("a revision given twice, or left out, is found", () => {
  expect(violations([write("a", 1, 0, 10), write("b", 1, 0, 10)], whole)).toContain("revision 1 was given twice");
  expect(violations([write("a", 1, 0, 10), write("b", 3, 0, 10)], whole)).toHaveLength(1);
  expect(violations([write("a", 1, 0, 10), write("b", 3, 0, 10)], { whole: false })).toEqual([]);
});

test("a write that began behind another one and got a lower revision is found, also on another key", () => {
  expect(violations([write("a", 2, 0, 1), write("b", 1, 2, 3)], whole)).toHaveLength(1);
});

test("a write that began behind a read of a later revision is found", () => {
  expect(violations([read("a", 5, 0, 1), write("b", 4, 2, 3)], { whole: false })).toHaveLength(1);
});

test("a stale read is found", () => {
  const history = [write("a", 1, 0, 1), write("a", 2, 2, 3), read("a", 1, 4, 5)];
  expect(violations(history, whole)).toEqual([
    "a: read of a at 1 came behind write of a at 2 (2), which was over before",
  ]);
  expect(violations([write("a", 1, 0, 1), read("a", 0, 2, 3)], whole)).toHaveLength(1);
});

test("reads that go back are found", () => {
  const history = [write("a", 1, 0, 10), write("a", 2, 0, 10), read("a", 2, 1, 2), read("a", 1, 3, 4)];
  expect(violations(history, whole)).toHaveLength(1);
});

test("a read behind what a watcher has seen is found, a watcher behind a read is not", () => {
  const seen = (revision: number, at: number): Recorded => ({
    kind: "seen",
    key: "a",
    revision,
    invoked: at,
    returned: at,
  });
  const writes = [write("a", 1, 0, 1), write("a", 2, 2, 20)];
  expect(violations([...writes, seen(2, 3), read("a", 1, 4, 5)], whole)).toHaveLength(1);
  expect(violations([...writes, read("a", 2, 4, 5), seen(1, 6), seen(2, 7)], whole)).toEqual([]);
});

test("a read from the future is found", () => {
  expect(violations([read("a", 1, 0, 1), write("a", 1, 2, 3)], whole)).toHaveLength(1);
});

test("a read of what nobody wrote, or of another value, is found", () => {
  expect(violations([write("a", 1, 0, 1), write("b", 2, 2, 3), read("a", 2, 4, 5)], whole)).toHaveLength(1);
  expect(violations([write("a", 1, 0, 1), read("a", 1, 2, 3, { value: "other" })], whole)).toHaveLength(1);
  expect(violations([write("a", 1, 0, 1), read("a", 1, 2, 3, { value: "1" })], whole)).toEqual([]);
});

test("a conditional write must follow on what it expected", () => {
  const first = write("a", 1, 0, 1);
  expect(violations([first, write("a", 2, 2, 3, { condition: 1 })], whole)).toEqual([]);
  expect(violations([first, write("a", 2, 0, 3), write("a", 3, 0, 3, { condition: 1 })], whole)).toHaveLength(1);
  expect(violations([first, write("a", 2, 2, 3, { condition: 0 })], whole)).toHaveLength(1);
  expect(violations([write("a", 1, 0, 1, { condition: 0 })], whole)).toEqual([]);
});

test("a create must follow on a marker or on nothing", () => {
  const first = write("a", 1, 0, 1, { condition: null });
  expect(violations([first, write("a", 2, 2, 3, { condition: null })], whole)).toHaveLength(1);
  const marker = write("a", 2, 2, 3, deleted);
  expect(violations([first, marker, write("a", 3, 4, 5, { condition: null })], whole)).toEqual([]);
});

test("a key is found absent before its first write, behind a marker, and at no other time", () => {
  const first = write("a", 1, 2, 3);
  expect(violations([absent("a", 0, 1), absent("a", 1, 2.5), first], whole)).toEqual([]);
  expect(violations([first, absent("a", 4, 5)], whole)).toHaveLength(1);
  const marker = write("a", 2, 6, 7, deleted);
  expect(violations([first, marker, absent("a", 4, 6.5), absent("a", 8, 9)], whole)).toEqual([]);
  expect(violations([first, marker, absent("a", 4, 5)], whole)).toHaveLength(1);
  expect(violations([first, marker, write("a", 3, 8, 9), absent("a", 10, 11)], whole)).toHaveLength(1);
});

test("a refusal that tells nothing is left out", () => {
  const refused: Recorded = { kind: "refused", key: "a", revision: 0, invoked: 4, returned: 5 };
  expect(violations([write("a", 1, 0, 1), refused], whole)).toEqual([]);
});
