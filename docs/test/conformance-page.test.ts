import { readFileSync } from "node:fs";
import { scenarios } from "@revkv/conformance";
import type { ScenarioMeta } from "@revkv/conformance/vitest";
import { expect, test } from "vitest";
import { pageOf, standingsOfPage } from "../scripts/conformance-page.ts";
import type { Report } from "../scripts/standings.ts";
import { merged, standingsOf } from "../scripts/standings.ts";

const page = readFileSync(new URL("../conformance.md", import.meta.url), "utf8");
const ids = scenarios.map(({ id }) => id);

const bare = "@nats-io/kv, bare, on nats-server 2.9.10";

/** A report of one result of each harness. */
function report(...results: readonly (readonly [adapter: string, meta: Partial<ScenarioMeta>])[]): Report {
  const defaults = { id: "O1/round", rule: "O1", outcome: "passed", refusal: false, gap: undefined } as const;
  return {
    testResults: results.map(([adapter, meta]) => ({
      name: `/revkv/packages/${adapter}/test/conformance.test.ts`,
      assertionResults: [{}, { meta: { conformance: { ...defaults, harness: adapter, ...meta } } }],
    })),
  };
}

test("the page tells of scenarios that there are, in their order", () => {
  const told = [...standingsOfPage(page).scenarios.keys()];
  expect(told.length).toBeGreaterThan(0);
  expect(told).toEqual(ids.filter((id) => told.includes(id)));
});

test("the page is what its own results make it", () => {
  const standings = standingsOfPage(page);
  expect(pageOf(merged(standings, standings, ids))).toBe(page);
});

test("what passes with names changed is native, what passes on the adapter only is compensated or of the client", () => {
  const keeperOf = (adapter: Partial<ScenarioMeta>, mapping: Partial<ScenarioMeta>, id = "O1/round"): unknown =>
    standingsOf(report(["nats", adapter], ["nats", { harness: bare, ...mapping }])).scenarios.get(id)?.keeper;
  expect(keeperOf({}, {})).toBe("native");
  expect(keeperOf({}, { outcome: "gap", gap: "why" })).toBe("compensated");
  const aborted = { id: "E1/abort-reason" };
  expect(keeperOf(aborted, { ...aborted, outcome: "gap", gap: "why" }, aborted.id)).toBe("client");
  expect(keeperOf({ outcome: "gap", gap: "why" }, { outcome: "gap", gap: "why" })).toBe("gap");
  expect(keeperOf({ refusal: true }, { refusal: true })).toBe("refused");
  expect(keeperOf({ outcome: "not-applicable" }, { outcome: "not-applicable" })).toBe("–");
});

test("an adapter keeps what it keeps in one way and fails in none", () => {
  const gap = { harness: "other", outcome: "gap", gap: "why" } as const;
  const { scenarios: found, gaps } = standingsOf(report(["redis", gap], ["redis", {}]));
  expect(found.get("O1/round")?.redis).toBe("passed");
  expect(gaps).toEqual([{ adapter: "redis", harness: "other", id: "O1/round", reason: "why" }]);
  expect(() => standingsOf(report(["redis", {}], ["redis", { outcome: "failed" }]))).toThrow(
    "O1/round failed on redis",
  );
});

test("a report of a part changes what it tells of, and nothing else", () => {
  const before = standingsOf(report(["memory", {}], ["redis", { outcome: "gap", gap: "why" }]));
  const now = standingsOf(report(["redis", {}]));
  const { scenarios: after, gaps } = merged(before, now, ids);
  expect(after.get("O1/round")).toMatchObject({ memory: "passed", redis: "passed", sqlite: "–" });
  expect(gaps).toEqual([]);
});
