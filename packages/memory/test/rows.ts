import type { Row } from "@revkv/api/adapter";
import { bytesOf } from "@revkv/api/adapter";

/** A row with this revision; all else is as plain as can be. */
export function rowAt(revision: number, fields: Partial<Row> = {}): Row {
  return {
    key: "k",
    revision,
    operation: "PUT",
    value: new Uint8Array(0),
    length: 0,
    created: revision,
    expiresAt: undefined,
    expired: false,
    ...fields,
  };
}

/** The rows as plain objects, bytes included, whatever holds them and wherever. */
export function plain(rows: readonly (Row | undefined)[]): unknown[] {
  return rows.map((row) => row && { ...row, slot: undefined, value: [...bytesOf(row.value)] });
}
