import { afterAll, beforeAll, describe, test } from "vitest";
import type { Stage } from "./environment.ts";
import { openStage } from "./environment.ts";
import type { Harness } from "./harness.ts";
import type { RunOptions } from "./run.ts";
import { closeTimeout, randomSeed, runScenario, scenarioTimeout, staleGaps, wrongCapabilities } from "./run.ts";
import { scenarios as everyScenario } from "./scenarios/index.ts";
import { select } from "./selection.ts";

/** How the suite is to be declared; the environment variable `REVKV_SEED` gives the seed where the option does not. */
export type VitestOptions = Pick<RunOptions, "only" | "seed" | "timeout" | "scenarios">;

/**
 * Declares the suite as Vitest tests, one per scenario, which run concurrently (Vitest's `maxConcurrency` says how many).
 * What does not apply to the adapter is reported as skipped, with the reason; a known gap passes as long as it fails.
 *
 * @example
 * ```ts no-run
 * import { conformance } from "@revkv/conformance/vitest";
 * import harness from "./harness.ts";
 *
 * conformance(harness);
 * ```
 */
export function conformance(harness: Harness, options: VitestOptions = {}): void {
  const { scenarios = everyScenario, timeout = scenarioTimeout, only } = options;
  const seed = options.seed ?? Number(process.env["REVKV_SEED"] ?? randomSeed());
  const limit = timeout + 2 * closeTimeout;
  describe(`${harness.name} (seed ${seed})`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await openStage(harness, seed);
    }, limit);
    afterAll(() => stage.close(), limit);

    test("the harness says what the adapter says", () => {
      for (const error of [...staleGaps(harness, scenarios), ...wrongCapabilities(harness, stage.manager)]) throw error;
    });

    for (const scenario of select(scenarios, only)) {
      const gap = harness.knownGaps?.[scenario.id];
      const name = `${scenario.id} · ${scenario.title}${gap === undefined ? "" : ` (known gap: ${gap})`}`;
      test.concurrent(name, { timeout: limit }, async ({ skip }) => {
        const { outcome, error } = await runScenario(harness, stage, scenario, seed, timeout);
        if (outcome === "not-applicable") skip("not applicable: the adapter does not claim the capability");
        if (error !== undefined) throw error;
      });
    }
  });
}
