import type { Capabilities } from "../capabilities.ts";
import type { StorageTraits } from "./storage.ts";

/**
 * What a storage in the memory of one process can claim: everything but what needs other processes. A start for the
 * capabilities of an adapter that keeps its state like that.
 */
export const embeddedCapabilities: Capabilities = {
  transactions: true,
  perKeyTtl: true,
  limitMarkers: true,
  ttlResolutionMs: 1,
  multipleFilters: true,
  crossProcessWatch: false,
  readAfterWrite: true,
  snapshotReads: true,
  bucketIncarnation: true,
  lossDetection: "full",
  compression: false,
  metadata: true,
  maxBytes: true,
  compactionDetection: true,
  maxValueBytes: 2 ** 29,
  maxOperations: 10_000,
  maxFilters: 1000,
};

/** How the kit is to use a storage that answers at once from memory and never loses a wake-up. */
export const embeddedTraits: StorageTraits = {
  directReads: true,
  directWrites: true,
  batchOperations: 1000,
  batchBytes: 2 ** 20,
  readKeys: 1000,
  readsInFlight: 1,
  pageRows: 500,
  pageBytes: 2 ** 20,
  pollInterval: undefined,
};
