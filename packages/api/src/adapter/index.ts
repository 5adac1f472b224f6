export { bytesOf, type Value } from "./bytes.ts";
export { embeddedCapabilities, embeddedTraits } from "./embedded.ts";
export {
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
export { checkManagerOptions, StorageManager } from "./storage-manager.ts";
export { isTurnUsedUp, nextTurn } from "./turn.ts";
export type { Outcome, Refusal, Unit, Write } from "./write.ts";
