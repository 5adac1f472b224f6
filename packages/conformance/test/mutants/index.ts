import { bucketLimitMutants } from "./bucket-limits.ts";
import { bucketMutants } from "./buckets.ts";
import { deliveryMutants } from "./delivery.ts";
import { expiryMutants } from "./expiry.ts";
import { failureMutants } from "./failures.ts";
import { historyAndKeysMutants } from "./history-and-keys.ts";
import { keyAndFilterMutants } from "./keys-and-filters.ts";
import { manyKeysMutants } from "./many-keys.ts";
import { modelMutants } from "./model.ts";
import type { Mutant } from "./mutant.ts";
import { oneKeyMutants } from "./one-key.ts";
import { resumingMutants } from "./resuming.ts";
import { stoppingMutants } from "./stopping.ts";
import { valueMutants } from "./values.ts";

/** Every adapter that is broken on purpose. */
export const mutants: readonly Mutant[] = [
  ...modelMutants,
  ...valueMutants,
  ...bucketMutants,
  ...bucketLimitMutants,
  ...keyAndFilterMutants,
  ...oneKeyMutants,
  ...manyKeysMutants,
  ...historyAndKeysMutants,
  ...deliveryMutants,
  ...stoppingMutants,
  ...resumingMutants,
  ...expiryMutants,
  ...failureMutants,
];
