import type { KeyValueEntry } from "@revkv/api";
import type { Oracle, OracleEntry } from "./oracle.ts";

/** How an entry is to be seen. */
export interface Sight {
  readonly metaOnly?: boolean | undefined;
  readonly isUpdate?: boolean | undefined;
  readonly delta?: number | undefined;
}

/**
 * The precision with which lifetimes are compared, in milliseconds: coarser than the time that a run takes, so that it
 * does not matter that only the oracle's clock stands still.
 */
export const lifetimeStep = 50_000;

/** All that a reader can tell of an entry, in one line. */
export function viewOf(entry: KeyValueEntry): string {
  const { expiresAt, created } = entry;
  const lifetime = expiresAt === undefined ? undefined : expiresAt.getTime() - created.getTime();
  const { key, revision, operation, value, length, delta, isUpdate, reason } = entry;
  return line({ key, revision, operation, value, length, delta, isUpdate, reason, lifetime });
}

/** What a reader must be able to tell of an oracle's entry, in the same words. */
export function expectedView(oracle: Oracle, entry: OracleEntry, sight: Sight = {}): string {
  const { key, revision, operation, value, expired } = entry;
  return line({
    key,
    revision,
    operation,
    value: sight.metaOnly === true ? new Uint8Array(0) : value,
    length: value.length,
    delta: sight.delta ?? 0,
    isUpdate: sight.isUpdate ?? false,
    reason: expired ? "expired" : undefined,
    lifetime: oracle.lifetime(entry),
  });
}

/** The history that a reader must get: as it is kept, with the number of newer entries of the same key (rule H2). */
export function expectedHistory(
  oracle: Oracle,
  filter: string | readonly string[],
  options: { readonly ignoreDeletes?: boolean | undefined; readonly metaOnly?: boolean | undefined } = {},
): string[] {
  const entries = oracle.history(filter, options.ignoreDeletes);
  return entries.map((entry, index) => {
    const newer = entries.slice(index + 1).filter((other) => other.key === entry.key);
    return expectedView(oracle, entry, { metaOnly: options.metaOnly, delta: newer.length });
  });
}

interface Told
  extends Pick<KeyValueEntry, "key" | "revision" | "operation" | "value" | "length" | "delta" | "isUpdate" | "reason"> {
  readonly lifetime: number | undefined;
}

function line(told: Told): string {
  const value = Buffer.from(told.value).toString("hex");
  const lifetime = told.lifetime === undefined ? [] : [`lives ${Math.round(told.lifetime / lifetimeStep)}`];
  return [
    told.revision,
    told.operation,
    told.key,
    `<${value}>`,
    `length ${told.length}`,
    `delta ${told.delta}`,
    ...(told.isUpdate ? ["update"] : []),
    ...(told.reason === undefined ? [] : [told.reason]),
    ...lifetime,
  ].join(" ");
}
