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

  for (const { rule, fault, waits, harness } of mutants) {
    test(`${fault} (${rule} · ${rules[rule]})`, { timeout: 120_000 }, async () => {
      const { results } = await runSuite(harness, { only: [rule], seed: 1, timeout: 20_000 });
      const failures = results.filter(({ outcome }) => outcome === "failed");
      // What is merely slow on a busy machine is not caught: only a fault that makes somebody wait may show in a wait.
      const telling = failures.filter(({ error }) => waits || !isTimeout(error));
      caught.push(`${rule.padEnd(4)} ${fault.padEnd(72)} ${telling.map(({ id }) => id).join(" ")}`);
      const others = failures.map(({ id }) => id).join(" ");
      assert.ok(telling.length > 0, `no scenario of ${rule} notices that it ${fault}; only waited in vain: ${others}`);
    });
  }

  afterAll(() => {
    process.stdout.write(`\n${caught.toSorted().join("\n")}\n\n`);
  });
});

/** Tells whether a failure says no more than that something took too long. */
function isTimeout(error: Error | undefined): boolean {
  return error !== undefined && /waited \d+ ms in vain/.test(error.message);
}

test("every rule has a mutant", () => {
  const broken = new Set(mutants.map(({ rule }) => rule));
  assert.deepEqual(
    Object.keys(rules).filter((rule) => !broken.has(rule)),
    [],
  );
});
