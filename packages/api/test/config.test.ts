import type { KeyValueConfig } from "@revkv/api";
import { isKeyValueError, normalizeConfig, sameConfig, updateConfig } from "@revkv/api";
import { describe, expect, test } from "vitest";

const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return isKeyValueError(error) ? error.code : String(error);
  }
  return "none";
};

describe("B5: a config", () => {
  test("has its defaults filled in, and nothing that is unlimited", () => {
    expect(normalizeConfig({ bucket: "b" })).toEqual({ bucket: "b", history: 1, compression: false, metadata: {} });
  });

  test.each<Record<string, unknown>>([
    ...[0, -1, 1.5, 65, Number.NaN, "5", 2n].map((history) => ({ history })),
    ...["ttl", "maxBytes", "maxValueSize", "limitMarkerTtl"].flatMap((name) =>
      [0, -1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY, "5"].map((value) => ({ [name]: value })),
    ),
    { limitMarkerTtl: 999 },
    { description: 5 },
    { compression: "yes" },
    { metadata: { a: 1 } },
    { metadata: ["a"] },
    { replicas: 3 },
  ])("is refused with %o", (fields) => {
    expect(codeOf(() => normalizeConfig({ bucket: "b", ...fields } as KeyValueConfig))).toBe("INVALID_CONFIG");
    expect(
      codeOf(() => updateConfig(normalizeConfig({ bucket: "b" }), { bucket: "b", ...fields } as KeyValueConfig)),
    ).toBe("INVALID_CONFIG");
  });

  test("has a good name", () => {
    expect(codeOf(() => normalizeConfig({ bucket: "a b" }))).toBe("INVALID_BUCKET_NAME");
    expect(codeOf(() => normalizeConfig({} as never))).toBe("INVALID_BUCKET_NAME");
    expect(codeOf(() => normalizeConfig(null as never))).toBe("INVALID_CONFIG");
  });

  test("cannot be changed from outside afterwards", () => {
    const metadata = { team: "core" };
    const config = normalizeConfig({ bucket: "b", metadata });
    metadata.team = "other";
    expect(config.metadata).toEqual({ team: "core" });
    expect(Object.isFrozen(config) && Object.isFrozen(config.metadata)).toBe(true);
  });
});

describe("B2: two configs", () => {
  test("are the same whatever the order of their metadata", () => {
    const a = normalizeConfig({ bucket: "b", metadata: { x: "1", y: "2" }, history: 1 });
    expect(sameConfig(a, normalizeConfig({ bucket: "b", metadata: { y: "2", x: "1" }, ttl: null }))).toBe(true);
  });

  test.each<Partial<KeyValueConfig>>([
    { history: 2 },
    { ttl: 1 },
    { limitMarkerTtl: 1000 },
    { maxValueSize: 1 },
    { maxBytes: 1 },
    { description: "d" },
    { metadata: { x: "1" } },
    { compression: true },
  ])("differ by %o", (fields) => {
    const plain = normalizeConfig({ bucket: "b" });
    expect(sameConfig(plain, normalizeConfig({ bucket: "b", ...fields }))).toBe(false);
  });
});

describe("B4, B6: an update", () => {
  const current = normalizeConfig({ bucket: "b", history: 5, ttl: 100, limitMarkerTtl: 1000, description: "d" });

  test("keeps what is left out, and null goes back to the default", () => {
    expect(updateConfig(current, { bucket: "b", ttl: 200 })).toEqual({ ...current, ttl: 200 });
    expect(updateConfig(current, { bucket: "b", history: null, ttl: null, description: null })).toEqual({
      bucket: "b",
      history: 1,
      limitMarkerTtl: 1000,
      compression: false,
      metadata: {},
    });
  });

  test("cannot turn limit markers off, nor change compression", () => {
    expect(codeOf(() => updateConfig(current, { bucket: "b", limitMarkerTtl: null }))).toBe("INVALID_CONFIG");
    expect(codeOf(() => updateConfig(current, { bucket: "b", compression: true }))).toBe("INVALID_CONFIG");
    expect(updateConfig(current, { bucket: "b", compression: false })).toEqual(current);
  });
});
