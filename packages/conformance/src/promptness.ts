import type { KeyValueManager } from "@revkv/api";
import { patience } from "./expect.ts";

/** Stores that no server and no network stand before: what is late there is late by the adapter's own doing. */
const local: ReadonlySet<string> = new Set(["memory", "sqlite"]);

/**
 * How late an entry of another manager or process may arrive, in milliseconds: the contract gives SQLite 50, and a store
 * in memory has no reason to be slower; elsewhere it gives no number, and the entry must just arrive (rule W11).
 */
export function soon({ backingStore }: Pick<KeyValueManager, "backingStore">): number {
  return local.has(backingStore) ? 50 : patience;
}
