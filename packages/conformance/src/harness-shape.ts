import type { Harness } from "./harness.ts";

const members: Readonly<Record<keyof Harness, (value: unknown) => boolean>> = {
  name: (value) => typeof value === "string" && value !== "",
  capabilities: isRecord,
  setup: (value) => typeof value === "function",
  knownGaps: (value) =>
    value === undefined || (isRecord(value) && Object.values(value).every((reason) => typeof reason === "string")),
};

const wanted: Readonly<Record<keyof Harness, string>> = {
  name: "a text that is not empty",
  capabilities: "an object",
  setup: "a function",
  knownGaps: "an object with a reason for each id",
};

/** What keeps a value from being a {@link Harness}, for people to read; empty when it is one. */
export function harnessProblems(value: unknown): readonly string[] {
  if (!isRecord(value)) return ["it must be an object with name, capabilities and setup"];
  const names = Object.keys(members) as (keyof Harness)[];
  const wrong = names.filter((name) => !members[name](value[name])).map((name) => `${name} must be ${wanted[name]}`);
  const unknown = Object.keys(value).filter((name) => !(names as string[]).includes(name));
  return [...wrong, ...unknown.map((name) => `${name} is no member of a harness`)];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
