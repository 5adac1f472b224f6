import type { Scenario } from "../scenario.ts";
import { names } from "./names.ts";

/** Every scenario of the suite, group by group. */
export const scenarios: readonly Scenario[] = [...names];
