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
  PurgePage,
  PurgeQuery,
  Storage,
  StorageTraits,
  Sweep,
} from "./storage.ts";
export type { Outcome, Refusal, Unit, Write } from "./write.ts";
