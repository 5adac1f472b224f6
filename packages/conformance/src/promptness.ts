import type { KeyValueManager } from "@revkv/api";
import { patience } from "./expect.ts";

/** Stores that no server and no network stand before: what is late there is late by the adapter's own doing. */
const local: ReadonlySet<string> = new Set(["memory", "sqlite"]);

/** Tells whether nothing stands between an adapter and its store that could keep a change from it. */
export function isLocal({ backingStore }: Pick<KeyValueManager, "backingStore">): boolean {
  return local.has(backingStore);
}

/**
 * How late an entry of another manager or process may arrive, in milliseconds: the contract gives SQLite 50, and a store
 * in memory has no reason to be slower; elsewhere it gives no number, and the entry must just arrive (rule W11).
 */
export function soon(manager: Pick<KeyValueManager, "backingStore">): number {
  return isLocal(manager) ? 50 : patience;
}
