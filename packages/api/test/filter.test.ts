import { compileFilter, isKey, isKeyValueError } from "@revkv/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const token = fc.string({ unit: fc.constantFrom("a", "b", "-", "/", "=", "_", "0"), minLength: 1, maxLength: 2 });
const key = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const filter = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 3 }), fc.oneof(token, fc.constantFrom("*", ">")))
  .map(([tokens, last]) => [...tokens, last].join("."));

/** The rule, word for word: `*` is one token, `>` one or more at the end. */
function matches(pattern: readonly string[], tokens: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return tokens.length === 0;
  if (first === ">") return tokens.length > 0;
  if (tokens.length === 0 || (first !== "*" && first !== tokens[0])) return false;
  return matches(rest, tokens.slice(1));
}

describe("K2, K3: a compiled filter", () => {
  test("matches exactly the keys that the rule says", () => {
    fc.assert(
      fc.property(fc.array(filter, { minLength: 1, maxLength: 3 }), key, (filters, candidate) => {
        const wanted = filters.some((one) => matches(one.split("."), candidate.split(".")));
        expect(compileFilter(filters).matches(candidate)).toBe(wanted);
      }),
      { numRuns: 2000 },
    );
  });

  test("has disjoint, sorted ranges that hold every match, and nothing else where it says so", () => {
    fc.assert(
      fc.property(fc.array(filter, { minLength: 1, maxLength: 3 }), key, (filters, candidate) => {
        const compiled = compileFilter(filters);
        const inside = compiled.ranges.filter(({ from, to }) => candidate >= from && (to === null || candidate < to));
        expect(inside.length).toBeLessThanOrEqual(1);
        if (compiled.matches(candidate)) expect(inside.length).toBe(1);
        else if (compiled.exact) expect(inside.length).toBe(0);
        const ends = compiled.ranges.flatMap(({ from, to }) => [from, to ?? "\uffff"]);
        expect(ends).toEqual([...ends].sort());
      }),
      { numRuns: 2000 },
    );
  });

  test("names its keys when it has no wildcard", () => {
    expect(compileFilter(["b", "a", "b"]).keys).toEqual(["a", "b"]);
    expect(compileFilter(["b", "a.*"]).keys).toBeNull();
  });

  test("is everything when the list is empty or one of it is >", () => {
    for (const all of [[], ">", [">"], ["a", ">"]]) {
      expect(compileFilter(all)).toMatchObject({ all: true, exact: true, keys: null });
    }
  });

  test("ends a prefix before the next character: `a.>` holds neither `a`, `a-b` nor `a/b`", () => {
    expect(compileFilter("a.>").ranges).toEqual([{ from: "a.", to: "a/" }]);
  });

  test.each([...["", "foo*", "a.>.b", ".a", "a.", "a..b", "a.**", ">.a", "a b", "é", "a:b", "a.>x"], "x".repeat(1025)])(
    "refuses %j",
    (bad) => {
      for (const given of [bad, ["ok", bad]]) {
        const error = thrown(() => compileFilter(given));
        expect(isKeyValueError(error, "INVALID_KEY")).toBe(true);
      }
    },
  );

  test("refuses what is no filter, and more filters than there may be", () => {
    expect(thrown(() => compileFilter(5 as never))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(thrown(() => compileFilter([5 as never]))).toMatchObject({ code: "INVALID_KEY" });
    expect(thrown(() => compileFilter(["a", "b"], 1))).toMatchObject({ code: "UNSUPPORTED" });
  });
});

test("K1: a key is tokens joined by single dots", () => {
  const pattern = /^[-/_=.a-zA-Z0-9]+$/;
  const almost = fc.string({
    unit: fc.constantFrom("a", "Z", "9", ".", "-", "/", "_", "=", " ", "*", ">", ":", "é", "\u0000"),
  });
  fc.assert(
    fc.property(almost, (text) => {
      expect(isKey(text)).toBe(
        pattern.test(text) && !text.startsWith(".") && !text.endsWith(".") && !text.includes(".."),
      );
    }),
    { numRuns: 2000 },
  );
  expect(isKey("x".repeat(1024))).toBe(true);
  expect(isKey("x".repeat(1025))).toBe(false);
});

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
