import type { NormalizedConfig } from "@revkv/api";
import { normalizeConfig, updateConfig } from "@revkv/api";
import type { Ledger, Unit } from "@revkv/api/adapter";
import { applyUnits, expiryOf, purgeMarker, settleDue } from "@revkv/api/adapter";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryLedger } from "../src/memory-ledger.ts";
import { NaiveLedger } from "./naive-ledger.ts";
import { plain } from "./rows.ts";

const keys = ["a", "a.b", "a.c", "b", "b.a", "c"];
const key = fc.constantFrom(...keys);
const ttl = fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined });
const expect_ = fc.option(fc.option(fc.nat(30)), { nil: undefined });

const write = fc
  .record({
    op: fc.constantFrom("put", "put", "put", "delete", "purge", "check"),
    key,
    value: fc.uint8Array({ maxLength: 5 }),
    expect: expect_,
    ttl,
  })
  .map(({ op, key, value, expect, ttl }) => ({
    op: op as "put",
    key,
    value: op === "put" ? value : new Uint8Array(0),
    expect,
    ttl: op === "put" || op === "purge" ? ttl : undefined,
  }));

type Step =
  | { readonly type: "commit"; readonly units: readonly Unit[] }
  | { readonly type: "pass"; readonly ms: number }
  | { readonly type: "purgeDeletes"; readonly olderThan: number }
  | { readonly type: "configure"; readonly history: number; readonly ttl: number | null };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("commit" as const),
      units: fc.array(fc.array(write, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("purgeDeletes" as const), olderThan: fc.nat(30) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("configure" as const),
      history: fc.integer({ min: 1, max: 5 }),
      ttl: fc.option(fc.integer({ min: 1, max: 100 })),
    }),
  },
);

const config = fc
  .record({
    history: fc.integer({ min: 1, max: 5 }),
    limitMarkerTtl: fc.constantFrom(undefined, 1000),
    maxBytes: fc.constantFrom(undefined, 25),
    ttl: fc.constantFrom(undefined, undefined, 60),
  })
  .map((fields) => normalizeConfig({ bucket: "b", ...fields }));

function run(ledger: Ledger, configure: (to: NormalizedConfig) => void, step: Step, now: number): unknown {
  while (settleDue(ledger, now));
  switch (step.type) {
    case "commit":
      return applyUnits(ledger, step.units, now);
    case "purgeDeletes":
      return keys.map((key) => purgeMarker(ledger, key, step.olderThan, now));
    case "configure":
      configure(updateConfig(ledger.config, { bucket: "b", history: step.history, ttl: step.ttl }));
      return undefined;
    default:
      return undefined;
  }
}

test("the ledger holds what a list of all rows holds, whatever is written, trimmed, purged and expired", () => {
  fc.assert(
    fc.property(config, fc.array(step, { maxLength: 40, size: "max" }), (config, steps) => {
      const ledger = new MemoryLedger(config);
      const naive = new NaiveLedger(config);
      const configureNaive = (to: NormalizedConfig): void => {
        naive.config = to;
        for (const key of keys) naive.trim(key, to.history);
      };
      let now = 1;
      for (const each of steps) {
        if (each.type === "pass") now += each.ms;
        const outcome = run(ledger, (to) => ledger.configure(to), each, now);
        expect(outcome).toEqual(run(naive, configureNaive, each, now));
        expectSame(ledger, naive);
      }
    }),
    { numRuns: 300 },
  );
});

function expectSame(ledger: MemoryLedger, naive: NaiveLedger): void {
  const { config, revision, created, compactedTo } = naive;
  expect(ledger).toMatchObject({ config, revision, created, compactedTo });
  for (const key of keys) {
    expect(plain(ledger.kept(key))).toEqual(plain(naive.kept(key)));
    expect(plain([ledger.newest(key)])).toEqual(plain([naive.newest(key)]));
  }
  expect(ledger.bytes()).toBe(naive.bytes());
  expect(ledger.log.size).toBe(naive.rows.length);
  expect(plain(naive.rows.map((row) => ledger.log.get(row.revision)))).toEqual(plain(naive.rows));
  const like = (isLive: boolean): string[] =>
    keys.filter((key) => naive.newest(key) && (naive.newest(key)?.operation === "PUT") === isLive);
  expect([...ledger.live.within({ from: "", to: null })]).toEqual(like(true));
  expect([...ledger.marked.within({ from: "", to: null })]).toEqual(like(false));
  const expiries = naive.rows.map((row) => expiryOf(row, config.ttl) ?? Number.POSITIVE_INFINITY);
  expect(ledger.nextDue).toBe(Math.min(...expiries));
}
