import assert from "node:assert/strict";
import type { KeyValueManager } from "@revkv/api";
import type { Stage } from "./environment.ts";
import { closeTimeout, openStage } from "./environment.ts";
import { within } from "./expect.ts";
import type { Harness } from "./harness.ts";
import { rules } from "./rules.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios as everyScenario } from "./scenarios/index.ts";
import { select } from "./selection.ts";
import { checkSettings, setting } from "./settings.ts";

/** How a run is to be done. */
export interface RunOptions {
  /** Which scenarios: `W/` (all rules of that letter), `W7` (that rule), `W7/racing` (ids that begin so); default all. */
  readonly only?: readonly string[] | undefined;
  /** Replays everything random of a run; default the environment variable `REVKV_SEED`, or else a random one. */
  readonly seed?: number | undefined;
  /** How many scenarios run at the same time; default 8. */
  readonly concurrency?: number | undefined;
  /** How long one scenario may take, and each of setting up a storage and opening it, in milliseconds; default 60,000. */
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

/**
 * A seed for a run that was given none.
 *
 * @throws `RangeError` when an environment variable of the suite is no whole number.
 */
export function defaultSeed(): number {
  checkSettings();
  return setting("REVKV_SEED") ?? Math.floor(Math.random() * 2 ** 31);
}

/**
 * Runs the suite against an adapter, without any test runner. Whatever the adapter does is found in the report.
 *
 * @throws `RangeError` when an environment variable of the suite is no whole number.
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
  const { scenarios = everyScenario, seed = defaultSeed(), concurrency = 8, timeout = scenarioTimeout } = options;
  const problems: Error[] = [...staleGaps(harness, scenarios)];
  const results: ScenarioResult[] = [];
  const running = new Set<string>();
  const unhandled: Unhandled[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push({ reason, running: [...running] });
  process.on("unhandledRejection", onUnhandled);
  try {
    const selected = [...select(scenarios, options.only).entries()];
    if (selected.length === 0) problems.push(new Error("no scenario was selected"));
    const stage = await openStage(harness, seed, timeout).catch((cause: unknown) => {
      problems.push(new Error("the harness gives no storage", { cause }));
    });
    if (stage !== undefined) {
      problems.push(...wrongCapabilities(harness, stage.manager));
      const work = async (queue: Iterable<[number, Scenario]>): Promise<void> => {
        for (const [index, scenario] of queue) {
          running.add(scenario.id);
          const result = await runScenario(harness, stage, scenario, seed, timeout);
          running.delete(scenario.id);
          results[index] = result;
          options.onResult?.(result);
        }
      };
      const together = selected.filter(([, { exclusive }]) => exclusive !== true).values();
      await Promise.all(Array.from({ length: concurrency }, () => work(together)));
      await work(selected.filter(([, { exclusive }]) => exclusive === true));
      await within("the shared storage to close", stage.close(), closeTimeout).catch((error) => {
        problems.push(new Error("the shared storage did not close", { cause: error }));
      });
    }
    // Rejections are reported behind the microtasks in which they were left alone.
    await new Promise((resolve) => setImmediate(resolve));
    problems.push(...unhandled.map((one) => unhandledError(one, results)));
    const passed = problems.length === 0 && results.every(({ outcome }) => outcome !== "failed");
    return { harness: harness.name, seed, results, problems, passed };
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
}

/** A rejection that nobody handled, and the ids of the scenarios that ran when it came. */
interface Unhandled {
  readonly reason: unknown;
  readonly running: readonly string[];
}

/** Whose a rejection is cannot be known: it may belong to a scenario that failed, and then not to the adapter. */
function unhandledError({ reason, running }: Unhandled, results: readonly ScenarioResult[]): Error {
  const when = running.length === 0 ? "while no scenario ran" : `while these ran: ${running.join(", ")}`;
  const failed = results.filter(
    ({ id, outcome }) => running.includes(id) && (outcome === "failed" || outcome === "gap"),
  );
  const rule =
    failed.length === 0 ? "rule E1" : `rule E1, or a consequence of ${failed.map(({ id }) => id).join(", ")}`;
  return new Error(`a rejection that nobody handled (${rule}), ${when}`, { cause: reason });
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
  const { failure, leaving } = body === undefined ? {} : await failuresOf(body, stage, scenario, timeout);
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
    if (leaving !== undefined) return result("failed", leaving.reason);
    if (failure !== undefined) return result("gap");
    const what = body === undefined ? "does not apply to this adapter" : "passes";
    return result("failed", undefined, `is listed as a known gap, but ${what}`);
  }
  if (body === undefined) return result("not-applicable");
  const reason = failure ?? leaving;
  return reason === undefined ? result("passed") : result("failed", reason.reason);
}

/** Why something failed; in an object, since anything can be thrown. */
interface Failure {
  readonly reason: unknown;
}

/** Why a scenario failed, and why what it opened could not be closed. */
async function failuresOf(
  body: Scenario["run"],
  stage: Stage,
  scenario: Scenario,
  timeout: number,
): Promise<{ readonly failure?: Failure | undefined; readonly leaving?: Failure | undefined }> {
  try {
    const { env, leave } = await stage.enter(scenario);
    const failure = await reasonOf(within("the scenario to finish", body(env), timeout));
    const leaving = await reasonOf(within("the scenario's storages to close", leave(), closeTimeout));
    return { failure, leaving };
  } catch (reason) {
    return { failure: { reason } };
  }
}

async function reasonOf(promise: Promise<void>): Promise<Failure | undefined> {
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
