import type { NormalizedConfig } from "@revkv/api";
import type { Row } from "@revkv/api/adapter";
import { expiryOf } from "@revkv/api/adapter";
import type { SqlValue } from "./driver.ts";

/** What `op` says in a row. */
export const operationCodes = { PUT: 0, DEL: 1, PURGE: 2, expired: 3 } as const;

const operations = ["PUT", "DEL", "PURGE", "PURGE"] as const;

export const noBytes: Uint8Array = new Uint8Array(0);

/** What stands for a row's operation. */
export function operationCode({ operation, expired }: Row): number {
  return expired ? operationCodes.expired : operationCodes[operation];
}

/** Makes a row of the columns revision, key, op, created, own deadline, and the value or its length. */
export function rowOf(columns: readonly SqlValue[]): Row {
  const [revision, key, op, created, expires, value] = columns as [
    number,
    string,
    number,
    number,
    number | null,
    Uint8Array | number,
  ];
  const left = typeof value === "number";
  return {
    key,
    revision,
    operation: operations[op] as Row["operation"],
    value: left ? noBytes : value,
    length: left ? value : value.length,
    created,
    expiresAt: expires ?? undefined,
    expired: op === operationCodes.expired,
  };
}

/** The same as readers see it: with the earlier of its own deadline and the bucket's. */
export function readerRow(columns: readonly SqlValue[], config: NormalizedConfig): Row {
  const row = rowOf(columns);
  return config.ttl === undefined ? row : { ...row, expiresAt: expiryOf(row, config.ttl) };
}

/** The latest deadline that is stored: a number that every driver gives back. */
export const latest: number = 2 ** 53 - 1;

/** A list of revisions or ids as a statement takes it. */
export function listOf(numbers: readonly number[]): string {
  return `[${numbers.join(",")}]`;
}

/** A list of keys as a statement takes it; no key has a character that JSON would escape. */
export function listOfKeys(keys: Iterable<string>): string {
  return `["${[...keys].join('","')}"]`;
}
