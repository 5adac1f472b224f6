import type { Scenario } from "../scenario.ts";

/** Every scenario of the suite, group by group. */
export const scenarios: readonly Scenario[] = [];
