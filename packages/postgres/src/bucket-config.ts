import type { NormalizedConfig } from "@revkv/api";
import type { Parameter } from "./session.ts";

/** A config as it is stored: the JSON, and what the functions of the database need of it. */
export function configParameters(config: NormalizedConfig): readonly Parameter[] {
  const { history, ttl, limitMarkerTtl, maxValueSize, maxBytes } = config;
  return [asciiJson(config), history, ttl ?? null, limitMarkerTtl ?? null, maxValueSize ?? null, maxBytes ?? null];
}

/** JSON in ASCII, which databases of every encoding can store. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
