import assert from "node:assert/strict";
import type { KeyValueManager } from "@revkv/api";
import type { Stage } from "./environment.ts";
import { openStage } from "./environment.ts";
import { within } from "./expect.ts";
import type { Harness } from "./harness.ts";
import { rules } from "./rules.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios as everyScenario } from "./scenarios/index.ts";
import { select } from "./selection.ts";

/** How a run is to be done. */
export interface RunOptions {
  /** Which scenarios: `W/` (all rules of that letter), `W7` (that rule), `W7/racing` (ids that begin so); default all. */
  readonly only?: readonly string[] | undefined;
  /** Replays everything random of a run; default a random one. */
  readonly seed?: number | undefined;
  /** How many scenarios run at the same time; default 8. */
  readonly concurrency?: number | undefined;
  /** How long one scenario may take, in milliseconds; default 60,000. */
  readonly timeout?: number | undefined;
  /** The scenarios to choose from; default all of the suite. */
  readonly scenarios?: readonly Scenario[] | undefined;
  /** Called with each result as soon as it is known. */
  readonly onResult?: ((result: ScenarioResult) => void) | undefined;
}

/**
 * What became of a scenario. `gap`: it failed, as the harness's `knownGaps` says. `not-applicable`: it is about a
 * capability that the adapter does not claim, and nothing can be refused instead.
 */
export type ScenarioOutcome = "passed" | "failed" | "gap" | "not-applicable";

/** The result of one scenario. */
export interface ScenarioResult {
  readonly id: string;
  readonly title: string;
  readonly rule: string;
  readonly outcome: ScenarioOutcome;
  /** True when the adapter does not claim what the scenario is about, and its refusal was tested instead. */
  readonly refusal: boolean;
  /** Why it failed; undefined when it did not. */
  readonly error: Error | undefined;
  /** How long it took, in milliseconds. */
  readonly duration: number;
}

/** What a run found. */
export interface SuiteReport {
  /** The harness's name. */
  readonly harness: string;
  /** Give it to another run to repeat this one. */
  readonly seed: number;
  /** One result per selected scenario, in the order of the suite. */
  readonly results: readonly ScenarioResult[];
  /** What is wrong beyond single scenarios: the harness itself, or rejections that nobody handled. */
  readonly problems: readonly Error[];
  /** True when nothing failed and there are no problems. */
  readonly passed: boolean;
}

/** How long one scenario may take unless told otherwise, in milliseconds. */
export const scenarioTimeout = 60_000;

/** How long a scenario's managers and storages may take to close, in milliseconds. */
export const closeTimeout = 20_000;

/** A seed for a run that was given none. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}

/**
 * Runs the suite against an adapter, without any test runner.
 *
 * @example
 * ```ts
 * import { runSuite } from "@revkv/conformance";
 * import harness from "./harness.ts";
 *
 * const { passed, results } = await runSuite(harness, { only: ["O1"] });
 * for (const { id, error } of results) if (error !== undefined) console.log(id, error);
 * console.log(passed); // true
 * ```
 */
export async function runSuite(harness: Harness, options: RunOptions = {}): Promise<SuiteReport> {
  const { scenarios = everyScenario, seed = randomSeed(), concurrency = 8, timeout = scenarioTimeout } = options;
  const problems: Error[] = [...staleGaps(harness, scenarios)];
  const onUnhandled = (reason: unknown): void => {
    problems.push(new Error("a rejection that nobody handled (rule E1)", { cause: reason }));
  };
  process.on("unhandledRejection", onUnhandled);
  try {
    const stage = await openStage(harness, seed);
    problems.push(...wrongCapabilities(harness, stage.manager));
    const selected = select(scenarios, options.only);
    if (selected.length === 0) problems.push(new Error("no scenario was selected"));
    const results: ScenarioResult[] = [];
    const queue = selected.entries();
    const work = async (): Promise<void> => {
      for (const [index, scenario] of queue) {
        const result = await runScenario(harness, stage, scenario, seed, timeout);
        results[index] = result;
        options.onResult?.(result);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    await within("the shared storage to close", stage.close(), closeTimeout).catch((error) => {
      problems.push(new Error("the shared storage did not close", { cause: error }));
    });
    // Rejections are reported behind the microtasks in which they were left alone.
    await new Promise((resolve) => setImmediate(resolve));
    const passed = problems.length === 0 && results.every(({ outcome }) => outcome !== "failed");
    return { harness: harness.name, seed, results, problems, passed };
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
}

/** Runs one scenario and closes what it opened; never rejects. */
export async function runScenario(
  harness: Harness,
  stage: Stage,
  scenario: Scenario,
  seed: number,
  timeout: number,
): Promise<ScenarioResult> {
  const { id, title, rule } = scenario;
  const applies = scenario.requires?.(harness.capabilities, stage.storage) ?? true;
  const body = applies ? scenario.run : scenario.runWithout;
  const gap = harness.knownGaps?.[id];
  const start = performance.now();
  const failure = body === undefined ? undefined : await failureOf(body, stage, scenario, timeout);
  const result = (outcome: ScenarioOutcome, cause?: unknown, problem?: string): ScenarioResult => ({
    id,
    title,
    rule,
    outcome,
    refusal: !applies,
    error: outcome === "failed" ? scenarioError(scenario, seed, cause, problem) : undefined,
    duration: Math.round(performance.now() - start),
  });
  if (gap !== undefined) {
    if (failure !== undefined) return result("gap");
    const what = body === undefined ? "does not apply to this adapter" : "passes";
    return result("failed", undefined, `is listed as a known gap, but ${what}`);
  }
  if (body === undefined) return result("not-applicable");
  return failure === undefined ? result("passed") : result("failed", failure.reason);
}

/** Why a scenario failed; in an object, since anything can be thrown. */
async function failureOf(
  body: Scenario["run"],
  stage: Stage,
  scenario: Scenario,
  timeout: number,
): Promise<{ readonly reason: unknown } | undefined> {
  try {
    const { env, leave } = await stage.enter(scenario);
    const failure = await reasonOf(within("the scenario to finish", body(env), timeout));
    const leaving = await reasonOf(within("the scenario's storages to close", leave(), closeTimeout));
    return failure ?? leaving;
  } catch (reason) {
    return { reason };
  }
}

async function reasonOf(promise: Promise<void>): Promise<{ readonly reason: unknown } | undefined> {
  try {
    await promise;
    return undefined;
  } catch (reason) {
    return { reason };
  }
}

/** A failure that says which scenario failed, which rule it belongs to, and how to repeat it. */
function scenarioError(scenario: Scenario, seed: number, cause: unknown, problem: string | undefined): Error {
  const { id, title, rule } = scenario;
  const place = `${id} (rule ${rule} · ${rules[rule] ?? "unknown"}, seed ${seed})`;
  if (problem !== undefined) return new Error(`${place}: ${problem}`);
  const message = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${place}: ${title}\n${message}`, { cause });
}

/** Known gaps that name no scenario. */
export function staleGaps(harness: Harness, scenarios: readonly Scenario[]): readonly Error[] {
  const ids = new Set(scenarios.map(({ id }) => id));
  return Object.keys(harness.knownGaps ?? {})
    .filter((id) => !ids.has(id))
    .map((id) => new Error(`knownGaps names ${id}, which is no scenario`));
}

/** What a harness claims must be what users are told. */
export function wrongCapabilities(harness: Harness, manager: KeyValueManager): readonly Error[] {
  try {
    assert.deepEqual(manager.capabilities, harness.capabilities);
    return [];
  } catch (cause) {
    return [new Error("the manager's capabilities are not those of the harness", { cause })];
  }
}
