import type { NormalizedConfig } from "@revkv/api";

/** What the state of a bucket says of its config: ttl, history, ttl of markers, largest value, largest bucket; 0: unset. */
export function settingsOf(config: NormalizedConfig): string[] {
  const { ttl = 0, history, limitMarkerTtl = 0, maxValueSize = 0, maxBytes = 0 } = config;
  return [ttl, history, limitMarkerTtl, maxValueSize, maxBytes].map(String);
}

/** Tells whether entries of a bucket can expire. */
export function canExpire({ ttl, limitMarkerTtl }: NormalizedConfig): boolean {
  return ttl !== undefined || limitMarkerTtl !== undefined;
}
