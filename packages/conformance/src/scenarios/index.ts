import type { Scenario } from "../scenario.ts";
import { bucketConfigScenarios } from "./bucket-config.ts";
import { bucketLimitScenarios } from "./bucket-limits.ts";
import { bucketListingScenarios } from "./bucket-listing.ts";
import { bucketLifeScenarios } from "./bucket-lives.ts";
import { bucketStatusScenarios } from "./bucket-status.ts";
import { bucketTtlScenarios } from "./bucket-ttl.ts";
import { bucketScenarios } from "./buckets.ts";
import { concurrencyScenarios } from "./concurrency.ts";
import { conditionScenarios } from "./conditions.ts";
import { dueExpiryScenarios } from "./due-expiry.ts";
import { entryScenarios } from "./entries.ts";
import { errorScenarios } from "./errors.ts";
import { expiryMarkerScenarios } from "./expiry-markers.ts";
import { filterScenarios } from "./filters.ts";
import { historyScenarios } from "./history.ts";
import { listingScenarios } from "./keys.ts";
import { lifecycleScenarios } from "./lifecycle.ts";
import { loweredHistoryScenarios } from "./lowered-history.ts";
import { managerScenarios } from "./managers.ts";
import { manyReadScenarios } from "./many-reads.ts";
import { manyRemovalScenarios } from "./many-removals.ts";
import { markerScenarios } from "./markers.ts";
import { nameScenarios } from "./names.ts";
import { oddArgumentScenarios } from "./odd-arguments.ts";
import { processScenarios } from "./processes.ts";
import { purgeDeletesScenarios } from "./purge-deletes.ts";
import { revisionScenarios } from "./revisions.ts";
import { singleTtlScenarios } from "./single-ttl.ts";
import { traceScenarios } from "./traces.ts";
import { transactionVisibilityScenarios } from "./transaction-visibility.ts";
import { transactionScenarios } from "./transactions.ts";
import { valueScenarios } from "./values.ts";
import { watchBackpressureScenarios } from "./watch-backpressure.ts";
import { watchCompactionScenarios } from "./watch-compaction.ts";
import { watchDeliveryScenarios } from "./watch-delivery.ts";
import { watchEntryScenarios } from "./watch-entries.ts";
import { watchFilterScenarios } from "./watch-filters.ts";
import { watchInitialScenarios } from "./watch-initial.ts";
import { watchIterationScenarios } from "./watch-iteration.ts";
import { watchLifecycleScenarios } from "./watch-lifecycle.ts";
import { watchOptionScenarios } from "./watch-options.ts";
import { watchOrderScenarios } from "./watch-order.ts";
import { watchReconnectScenarios } from "./watch-reconnect.ts";
import { watchResumeScenarios } from "./watch-resume.ts";
import { watchValueScenarios } from "./watch-values.ts";

/** Every scenario of the suite, group by group. */
export const scenarios: readonly Scenario[] = [
  ...nameScenarios,
  ...filterScenarios,
  ...bucketScenarios,
  ...bucketListingScenarios,
  ...bucketLifeScenarios,
  ...bucketConfigScenarios,
  ...loweredHistoryScenarios,
  ...bucketLimitScenarios,
  ...bucketStatusScenarios,
  ...revisionScenarios,
  ...valueScenarios,
  ...entryScenarios,
  ...conditionScenarios,
  ...markerScenarios,
  ...historyScenarios,
  ...listingScenarios,
  ...manyReadScenarios,
  ...manyRemovalScenarios,
  ...purgeDeletesScenarios,
  ...transactionScenarios,
  ...transactionVisibilityScenarios,
  ...bucketTtlScenarios,
  ...singleTtlScenarios,
  ...expiryMarkerScenarios,
  ...dueExpiryScenarios,
  ...errorScenarios,
  ...oddArgumentScenarios,
  ...lifecycleScenarios,
  ...watchInitialScenarios,
  ...watchEntryScenarios,
  ...watchFilterScenarios,
  ...watchOptionScenarios,
  ...watchResumeScenarios,
  ...watchCompactionScenarios,
  ...watchDeliveryScenarios,
  ...watchBackpressureScenarios,
  ...watchOrderScenarios,
  ...watchValueScenarios,
  ...watchLifecycleScenarios,
  ...watchIterationScenarios,
  ...watchReconnectScenarios,
  ...concurrencyScenarios,
  ...managerScenarios,
  ...processScenarios,
  ...traceScenarios,
];
