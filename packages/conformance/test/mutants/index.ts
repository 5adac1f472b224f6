import { bucketMutants } from "./buckets.ts";
import { expiryMutants } from "./expiry.ts";
import { failureMutants } from "./failures.ts";
import { historyAndKeysMutants } from "./history-and-keys.ts";
import { modelMutants } from "./model.ts";
import type { Mutant } from "./mutant.ts";
import { manyKeysMutants, oneKeyMutants } from "./one-key.ts";
import { deliveryMutants, watcherEndMutants } from "./watching.ts";

/** Every adapter that is broken on purpose. */
export const mutants: readonly Mutant[] = [
  ...modelMutants,
  ...bucketMutants,
  ...oneKeyMutants,
  ...manyKeysMutants,
  ...historyAndKeysMutants,
  ...deliveryMutants,
  ...watcherEndMutants,
  ...expiryMutants,
  ...failureMutants,
];
