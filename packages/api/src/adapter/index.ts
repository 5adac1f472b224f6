export { Backoff } from "./backoff.ts";
export { bytesOf, type Value } from "./bytes.ts";
export { unlessAborted } from "./call.ts";
export { embeddedCapabilities, embeddedTraits } from "./embedded.ts";
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
export { checkManagerOptions, type HandleFactory, StorageManager } from "./storage-manager.ts";
export type { StorageWatcher } from "./storage-watcher.ts";
export { StoredBucket } from "./stored-bucket.ts";
export { bucketGone, parseConfig } from "./stored-config.ts";
export { isTurnUsedUp, nextTurn } from "./turn.ts";
export type { Outcome, Refusal, Unit, Write } from "./write.ts";
