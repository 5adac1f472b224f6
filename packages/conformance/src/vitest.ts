import { beforeAll, describe, test } from "vitest";
import type { Stage } from "./environment.ts";
import { closeTimeout, openStage } from "./environment.ts";
import { within } from "./expect.ts";
import type { Harness } from "./harness.ts";
import type { RunOptions, ScenarioResult } from "./run.ts";
import { defaultSeed, runScenario, scenarioTimeout, staleGaps, wrongCapabilities } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios as everyScenario } from "./scenarios/index.ts";
import { select } from "./selection.ts";

/** What a test of the suite tells reporters, beside its name. */
export interface ScenarioMeta extends Pick<ScenarioResult, "id" | "rule" | "outcome" | "refusal"> {
  /** The harness's name. */
  readonly harness: string;
  /** Why the scenario is known to fail; undefined when it is not. */
  readonly gap: string | undefined;
}

declare module "vitest" {
  interface TaskMeta {
    /** Set when a scenario of the suite was run, or does not apply. */
    conformance?: ScenarioMeta;
  }
}

/** How the suite is to be declared; the environment variable `REVKV_SEED` gives the seed where the option does not. */
export type VitestOptions = Pick<RunOptions, "only" | "seed" | "timeout" | "scenarios">;

/**
 * Declares the suite as Vitest tests, one per scenario, which run concurrently (Vitest's `maxConcurrency` says how many).
 * Those that are exclusive follow, one by one. What does not apply to the adapter is reported as skipped, with the reason; a known gap passes as long as it fails.
 *
 * @throws `Error` when nothing is selected; `RangeError` when an environment variable of the suite is no whole number.
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
  const seed = options.seed ?? defaultSeed();
  const selected = select(scenarios, only);
  if (selected.length === 0) throw new Error(`${harness.name}: ${JSON.stringify(only ?? [])} selects no scenario`);
  // What takes too long is reported by the suite itself, which says what: setting up, opening, running and closing.
  const limit = 3 * timeout + 2 * closeTimeout;
  describe(`${harness.name} (seed ${seed})`, () => {
    let stage: Stage;
    beforeAll(async () => {
      const opened = await openStage(harness, seed, timeout);
      stage = opened;
      return () => within("the shared storage to close", opened.close(), closeTimeout);
    }, limit);

    test("the harness says what the adapter says", () => {
      for (const error of [...staleGaps(harness, scenarios), ...wrongCapabilities(harness, stage.manager)]) throw error;
    });

    const declare = (scenario: Scenario): void => {
      const gap = harness.knownGaps?.[scenario.id];
      const name = `${scenario.id} · ${scenario.title}${gap === undefined ? "" : ` (known gap: ${gap})`}`;
      test(name, { timeout: limit, concurrent: scenario.exclusive !== true }, async ({ skip, task }) => {
        const result = await runScenario(harness, stage, scenario, seed, timeout);
        const { id, rule, outcome, refusal, error } = result;
        task.meta.conformance = { harness: harness.name, id, rule, outcome, refusal, gap };
        if (outcome === "not-applicable") skip("not applicable: the adapter does not claim the capability");
        if (error !== undefined) throw error;
      });
    };
    // Vitest runs neighbours that are concurrent together, and the others one by one.
    selected.filter(({ exclusive }) => exclusive !== true).forEach(declare);
    selected.filter(({ exclusive }) => exclusive === true).forEach(declare);
  });
}
