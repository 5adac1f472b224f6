import type { NormalizedConfig } from "@revkv/api";
import type { Parameter } from "./session.ts";

/** A config as it is stored: the JSON, and what the functions of the database need of it. */
export function configParameters(config: NormalizedConfig): readonly Parameter[] {
  const { history, ttl, limitMarkerTtl, maxValueSize, maxBytes } = config;
  return [JSON.stringify(config), history, ttl ?? null, limitMarkerTtl ?? null, maxValueSize ?? null, maxBytes ?? null];
}
