import type { KeyValueManager } from "@revkv/api";
import { patience } from "./expect.ts";

/**
 * How late an entry of another manager or process may arrive, in milliseconds: the contract gives a number for SQLite
 * only, elsewhere it must just arrive (rule W11).
 */
export function soon({ backingStore }: Pick<KeyValueManager, "backingStore">): number {
  return backingStore === "sqlite" ? 50 : patience;
}
