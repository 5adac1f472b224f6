/** The keys that no bucket owns: bucket names have no ".", so that these are in a slot of their own. */
export interface SharedKeys {
  /** ZSET: "name incarnation" of each bucket, and perhaps of some that are no more. */
  readonly buckets: string;
  /** ZSET: the same of those in which entries can expire or are being trimmed. */
  readonly expiring: string;
  /** STRING: whose turn it is to look for what is due. */
  readonly turn: string;
}

/** Names the keys that no bucket owns. */
export function sharedKeys(prefix: string): SharedKeys {
  const base = `${prefix}:{.}`;
  return { buckets: `${base}:buckets`, expiring: `${base}:expiring`, turn: `${base}:turn` };
}

/** Names the key that says which incarnation a bucket is; the other keys carry its id, so that no two share one. */
export function metaKey(prefix: string, name: string): string {
  return `${prefix}:{${name}}`;
}

const parts = ["heads", "values", "newest", "older", "live", "marked", "deadlines", "log", "void"] as const;

/** Where the heads and the log are in the keys of a bucket. */
export const headsIndex = 1;
export const logIndex = 8;

/** The keys of a bucket, in the order in which the scripts want them. */
export function bucketKeys(prefix: string, name: string, incarnation: string): readonly string[] {
  const meta = metaKey(prefix, name);
  return [meta, ...parts.map((part) => `${meta}:${incarnation}:${part}`)];
}

/** Those of them that the script for mere puts wants; the first three are enough where a value takes the place of another. */
export function putKeys(keys: readonly string[]): readonly string[] {
  return [1, 3, 8, 2, 4, 5, 6, 9].map((index) => keys[index] as string);
}
