export type { Capabilities } from "./capabilities.ts";
export {
  checkConfig,
  type KeyValueConfig,
  maxHistory,
  minLimitMarkerTtl,
  type NormalizedConfig,
  normalizeConfig,
  sameConfig,
  updateConfig,
} from "./config.ts";
export type { EntryOperation, KeyValueEntry } from "./entry.ts";
export {
  isKeyValueError,
  KeyExistsError,
  KeyValueError,
  type KeyValueErrorCode,
  type KeyValueErrorOf,
  RevisionCompactedError,
  RevisionMismatchError,
} from "./errors.ts";
export type { KeyValueEvent, ManagerOptions } from "./events.ts";
export { compileFilter, everyKey, type KeyFilter, type KeyRange } from "./filter.ts";
export type { KeyValue } from "./key-value.ts";
export type { KeyValueManager } from "./key-value-manager.ts";
export { checkBucketName, checkKey, isKey, maxBucketNameLength, maxKeyLength } from "./names.ts";
export type {
  CheckOperation,
  CreateOperation,
  DeleteOperation,
  Operation,
  PurgeOperation,
  PutOperation,
  UpdateOperation,
} from "./operation.ts";
export type {
  CallOptions,
  DeleteOptions,
  HistoryOptions,
  PurgeDeletesOptions,
  PurgeOptions,
  WriteOptions,
} from "./options.ts";
export type { KeyValueStatus } from "./status.ts";
export type { KeyWatcher, WatchOptions } from "./watcher.ts";
