import { KeyValueError } from "./errors.ts";
import { checkBucketName, isPlainObject, shown } from "./names.ts";

/** The most entries that a bucket can keep per key (rules M4, B5). */
export const maxHistory = 64;

/** The shortest `limitMarkerTtl`, in milliseconds (rule B6). */
export const minLimitMarkerTtl = 1000;

/** How a bucket is to be: every field but the name may be left out (rules B4, B5). */
export interface KeyValueConfig {
  /** The bucket's name (rule B1). */
  readonly bucket: string;
  /** What the bucket is for, in the words of whoever created it. */
  readonly description?: string | null | undefined;
  /** How many entries each key keeps, 1 to 64; default 1 (rule M4). */
  readonly history?: number | null | undefined;
  /** How long an entry lives, in milliseconds; unset: for ever (rule T1). */
  readonly ttl?: number | null | undefined;
  /**
   * How long the marker of an expired value lives, in milliseconds, at least 1,000; unset: expiry leaves no marker, and
   * single entries can have no `ttl` (rules T2, T3). It can be turned on later, never off (rule B6).
   */
  readonly limitMarkerTtl?: number | null | undefined;
  /** The largest value, in bytes; unset: what the adapter can hold (rule B9). */
  readonly maxValueSize?: number | null | undefined;
  /** The most that the keys and values of all kept entries may add up to, in bytes; unset: no limit (rule B10). */
  readonly maxBytes?: number | null | undefined;
  /** Whether the storage compresses values; only where `capabilities.compression` says so. It cannot change later. */
  readonly compression?: boolean | null | undefined;
  /** Names and values of the application's own. */
  readonly metadata?: Readonly<Record<string, string>> | null | undefined;
}

/** A bucket's config with defaults filled in; what is unlimited is undefined (rules B2, B8). */
export interface NormalizedConfig {
  /** The bucket's name. */
  readonly bucket: string;
  /** What the bucket is for; undefined when nothing was said. */
  readonly description?: string;
  /** How many entries each key keeps, 1 to 64. */
  readonly history: number;
  /** How long an entry lives, in milliseconds; undefined: for ever. */
  readonly ttl?: number;
  /** How long the marker of an expired value lives, in milliseconds; undefined: there are no such markers. */
  readonly limitMarkerTtl?: number;
  /** The largest value, in bytes; undefined: what the adapter can hold. */
  readonly maxValueSize?: number;
  /** The most that all kept entries may add up to, in bytes; undefined: no limit. */
  readonly maxBytes?: number;
  /** Whether the storage compresses values. */
  readonly compression: boolean;
  /** Names and values of the application's own, sorted by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

type Limit = "ttl" | "limitMarkerTtl" | "maxValueSize" | "maxBytes";
const limits: readonly Limit[] = ["ttl", "limitMarkerTtl", "maxValueSize", "maxBytes"];
const fields: ReadonlySet<string> = new Set(["bucket", "description", "history", "compression", "metadata", ...limits]);

/**
 * Checks a config and fills in its defaults: what `createKeyValue` compares and stores (rules B2, B5).
 *
 * @throws `INVALID_CONFIG` for a value out of range or an unknown field, `INVALID_BUCKET_NAME`
 *
 * @example
 * ```ts
 * import { normalizeConfig } from "@revkv/api";
 *
 * console.log(normalizeConfig({ bucket: "flags" }).history); // 1
 * ```
 */
export function normalizeConfig(config: KeyValueConfig): NormalizedConfig {
  checkConfig(config);
  return mergeConfig({ bucket: config.bucket, history: 1, compression: false, metadata: {} }, config);
}

/**
 * Applies an update to a bucket's config: a field left out stays as it is, null goes back to the default (rules B4, B6).
 *
 * @throws `INVALID_CONFIG` for a value out of range, an unknown field, or a change that is not possible
 */
export function updateConfig(current: NormalizedConfig, update: KeyValueConfig): NormalizedConfig {
  checkConfig(update);
  if (current.limitMarkerTtl !== undefined && update.limitMarkerTtl === null) {
    throw invalid("limitMarkerTtl can be turned on later, never off");
  }
  if (update.compression !== undefined && (update.compression ?? false) !== current.compression) {
    throw invalid("compression cannot be changed later");
  }
  return mergeConfig(current, update);
}

/** Tells whether two configs are the same (rule B2). */
export function sameConfig(a: NormalizedConfig, b: NormalizedConfig): boolean {
  return configDifferences(a, b).length === 0;
}

/** The fields in which a config differs from another, as text: "history is 5, not 1". */
export function configDifferences(a: NormalizedConfig, b: NormalizedConfig): string[] {
  return [...fields].flatMap((name) => {
    const [one, other] = [a, b].map((config) => JSON.stringify(config[name as keyof NormalizedConfig]) ?? "unset");
    return one === other ? [] : [`${name} is ${one}, not ${other}`];
  });
}

function mergeConfig(current: NormalizedConfig, update: KeyValueConfig): NormalizedConfig {
  const pick = <T>(value: T | null | undefined, kept: T | undefined): T | undefined =>
    value === undefined ? kept : (value ?? undefined);
  const description = pick(update.description, current.description);
  const merged: { -readonly [Name in keyof NormalizedConfig]: NormalizedConfig[Name] } = {
    bucket: current.bucket,
    history: pick(update.history, current.history) ?? 1,
    compression: pick(update.compression, current.compression) ?? false,
    metadata: sortedCopy(pick(update.metadata, current.metadata) ?? {}),
  };
  if (description !== undefined) merged.description = description;
  for (const name of limits) {
    const value = pick(update[name], current[name]);
    if (value !== undefined) merged[name] = value;
  }
  return Object.freeze(merged);
}

/**
 * Checks what a config says, field by field, without knowing the bucket (rules B1, B5, E2).
 *
 * @throws `INVALID_CONFIG`, `INVALID_BUCKET_NAME`
 */
export function checkConfig(config: unknown): asserts config is KeyValueConfig {
  if (!isPlainObject(config)) throw invalid(`a config is a plain object, not ${shown(config)}`);
  const given = config;
  checkBucketName(given["bucket"]);
  for (const name of Object.keys(given)) {
    if (!fields.has(name)) throw invalid(`"${name}" is no field of a bucket's config`);
  }
  check(given["description"], "description", "a string", (value) => typeof value === "string");
  check(given["compression"], "compression", "true or false", (value) => typeof value === "boolean");
  check(
    given["history"],
    "history",
    `a whole number from 1 to ${maxHistory}`,
    (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= maxHistory,
  );
  for (const name of limits) {
    const least = name === "limitMarkerTtl" ? minLimitMarkerTtl : 1;
    check(
      given[name],
      name,
      `a whole number of at least ${least}`,
      (value) => Number.isSafeInteger(value) && (value as number) >= least,
    );
  }
  check(given["metadata"], "metadata", "an object with strings as values", isStringRecord);
}

function check(value: unknown, name: string, wanted: string, isValid: (value: unknown) => boolean): void {
  if (value !== undefined && value !== null && !isValid(value)) {
    throw invalid(`${name} is ${wanted}, not ${shown(value)}`);
  }
}

function isStringRecord(value: unknown): boolean {
  return isPlainObject(value) && Object.values(value).every((item) => typeof item === "string");
}

function sortedCopy(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.freeze(Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_CONFIG", message);
}
