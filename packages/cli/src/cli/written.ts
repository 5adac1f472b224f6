import type { EntryOperation } from "@revkv/api";
import type { Session } from "./session.ts";

/** What a verb has written. */
export interface Written {
  readonly bucket: string;
  readonly key: string;
  readonly operation: EntryOperation;
  readonly revision: number;
}

export function tellWritten({ output }: Session, written: Written): Promise<void> {
  return output.result(written, `${written.bucket} > ${written.key} revision: ${written.revision}`);
}
