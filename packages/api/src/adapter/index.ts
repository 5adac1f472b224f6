export { bytesOf, type Value } from "./bytes.ts";
export { embeddedCapabilities, embeddedTraits } from "./embedded.ts";
export {
  applyUnit,
  applyUnits,
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
export { checkManagerOptions, StorageManager } from "./storage-manager.ts";
export type { StoredBucket } from "./stored-bucket.ts";
export { Turn } from "./turn.ts";
export type { Outcome, Refusal, Unit, Write } from "./write.ts";
