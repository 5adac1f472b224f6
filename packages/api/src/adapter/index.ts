export { allowedOptions, checkOptions, tooLarge } from "./arguments.ts";
export { Backoff } from "./backoff.ts";
export { bucketNotFound, checkSameConfig, checkSupported, copyOfConfig } from "./bucket-config.ts";
export { bytesOf, lengthOf, type Value } from "./bytes.ts";
export { lateError, unlessAborted, unlessGivenUp } from "./call.ts";
export { type BucketOperations, CheckedKeyValue } from "./checked-key-value.ts";
export { ManagerContext } from "./context.ts";
export { embeddedCapabilities, embeddedTraits } from "./embedded.ts";
export { IteratedWatcher, type WatchedItem } from "./iterated-watcher.ts";
export { checkedNow, each } from "./iteration.ts";
export {
  applyUnits,
  dependsOnRows,
  expiryOf,
  isDue,
  type Ledger,
  purgeMarker,
  settleDue,
  sizeOf,
} from "./ledger.ts";
export type { Position, Row } from "./row.ts";
export type {
  Awaitable,
  BucketDescription,
  BucketStorage,
  Call,
  CreatedBucket,
  Head,
  KeyPage,
  KeyQuery,
  LogPage,
  LogQuery,
  OpenedBucket,
  PurgePage,
  PurgeQuery,
  Storage,
  StorageTraits,
  Sweep,
} from "./storage.ts";
export { StorageKeyValue } from "./storage-key-value.ts";
export { checkManagerOptions, defaultTimeout, type HandleFactory, StorageManager } from "./storage-manager.ts";
export { historyLost, type StorageWatcher } from "./storage-watcher.ts";
export { StoredBucket } from "./stored-bucket.ts";
export { bucketGone, parseConfig } from "./stored-config.ts";
export { StoredEntry } from "./stored-entry.ts";
export { isTurnUsedUp, nextTurn } from "./turn.ts";
export type { WatchPlan } from "./watch-plan.ts";
export type { Outcome, Refusal, Unit, Write } from "./write.ts";
