import type { Scenario } from "../scenario.ts";
import { bucketConfigScenarios } from "./bucket-config.ts";
import { bucketLimitScenarios } from "./bucket-limits.ts";
import { bucketStatusScenarios } from "./bucket-status.ts";
import { bucketScenarios } from "./buckets.ts";
import { errorScenarios } from "./errors.ts";
import { lifecycleScenarios } from "./lifecycle.ts";
import { nameScenarios } from "./names.ts";

/** Every scenario of the suite, group by group. */
export const scenarios: readonly Scenario[] = [
  ...nameScenarios,
  ...bucketScenarios,
  ...bucketConfigScenarios,
  ...bucketLimitScenarios,
  ...bucketStatusScenarios,
  ...errorScenarios,
  ...lifecycleScenarios,
];
