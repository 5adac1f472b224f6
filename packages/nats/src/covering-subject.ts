import type { KeyFilter } from "@revkv/api";

/** The one subject filter that covers all filters: the server takes one, and what it lets through is looked at here. */
export function subjectOf({ filters }: KeyFilter): string {
  const [first = ">", ...others] = filters;
  if (others.length === 0) return first;
  const split = filters.map((filter) => filter.split("."));
  const common: string[] = [];
  for (let index = 0; ; index += 1) {
    const token = split[0]?.[index];
    const isCommon =
      token !== undefined &&
      token !== "*" &&
      token !== ">" &&
      split.every((tokens) => tokens[index] === token && tokens.length > index + 1);
    if (!isCommon) return [...common, ">"].join(".");
    common.push(token);
  }
}
