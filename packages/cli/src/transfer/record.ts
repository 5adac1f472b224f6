import type { EntryOperation } from "@revkv/api";

/** An entry on its way from one bucket to another. */
export interface TransferEntry {
  readonly key: string;
  readonly operation: EntryOperation;
  /** Its revision where it comes from. */
  readonly revision: number;
  readonly value: Uint8Array | string;
  /** How many bytes the value has, or about that. */
  readonly length: number;
  readonly expiresAt: Date | undefined;
}
