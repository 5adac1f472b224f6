import assert from "node:assert/strict";
import { afterAll, describe, test, vi } from "vitest";
import { rules } from "../src/rules.ts";
import { runSuite } from "../src/run.ts";
import { mutants } from "./mutants/index.ts";

// What never comes need not be waited for so long here; set before the suite is loaded.
vi.hoisted(() => {
  process.env["REVKV_PATIENCE"] = "4000";
});

describe.concurrent("the suite catches an adapter that", () => {
  const caught: string[] = [];

  for (const { rule, fault, harness } of mutants) {
    test(`${fault} (${rule} · ${rules[rule]})`, { timeout: 120_000 }, async () => {
      const { results } = await runSuite(harness, { only: [rule], seed: 1, timeout: 20_000 });
      const failed = results.filter(({ outcome }) => outcome === "failed").map(({ id }) => id);
      caught.push(`${rule.padEnd(4)} ${fault.padEnd(72)} ${failed.join(" ")}`);
      assert.ok(failed.length > 0, `no scenario of ${rule} notices that it ${fault}`);
    });
  }

  afterAll(() => {
    process.stdout.write(`\n${caught.toSorted().join("\n")}\n\n`);
  });
});

test("every rule has a mutant", () => {
  const broken = new Set(mutants.map(({ rule }) => rule));
  assert.deepEqual(
    Object.keys(rules).filter((rule) => !broken.has(rule)),
    [],
  );
});
