export type { ChildModule, ChildOpening, Harness, HarnessStorage } from "./harness.ts";
export { rules } from "./rules.ts";
export { type RunOptions, runSuite, type ScenarioOutcome, type ScenarioResult, type SuiteReport } from "./run.ts";
export type { Scenario, ScenarioEnv } from "./scenario.ts";
export { scenarios } from "./scenarios/index.ts";
