import type { NormalizedConfig } from "@revkv/api";

/** What the scripts need of a config beside its history: names and values, empty where unset. */
export function settingsOf({ ttl, limitMarkerTtl, maxValueSize, maxBytes }: NormalizedConfig): string[] {
  const settings = { ttl, marker_ttl: limitMarkerTtl, max_value_size: maxValueSize, max_bytes: maxBytes };
  return Object.entries(settings).flatMap(([name, value]) => [name, value === undefined ? "" : String(value)]);
}

/** Tells whether entries of a bucket can expire. */
export function canExpire({ ttl, limitMarkerTtl }: NormalizedConfig): boolean {
  return ttl !== undefined || limitMarkerTtl !== undefined;
}
