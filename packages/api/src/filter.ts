import { KeyValueError } from "./errors.ts";
import { invalidKey, isKey, maxKeyLength, shown } from "./names.ts";

/**
 * A range of keys in the order of their bytes: `from` inclusive, `to` exclusive; `to` null means no upper end. A store
 * with an ordered index of keys reads just the ranges of a filter (rule L3).
 */
export interface KeyRange {
  /** The first key that can be in the range. */
  readonly from: string;
  /** The first key behind the range; null when there is none. */
  readonly to: string | null;
}

/** One or more filters (rules K2, K3), compiled once: a matcher for keys, and the ranges that hold every match. */
export interface KeyFilter {
  /** The filters as they were given, without doubles. */
  readonly filters: readonly string[];
  /** True when every key matches. */
  readonly all: boolean;
  /**
   * The keys themselves, sorted, when no filter has a wildcard; null otherwise.
   */
  readonly keys: readonly string[] | null;
  /** Disjoint ranges, sorted, that together hold every key that matches, and perhaps others. */
  readonly ranges: readonly KeyRange[];
  /** True when every key inside of the ranges matches, so that a store needs no further test. */
  readonly exact: boolean;
  /** Tells whether a key matches one of the filters. */
  matches(key: string): boolean;
}

/** The filter that every key matches. */
export const everyKey: KeyFilter = Object.freeze({
  filters: [">"],
  all: true,
  keys: null,
  ranges: [{ from: "", to: null }],
  exact: true,
  matches: () => true,
});

/**
 * Compiles a filter or the union of several; an empty list means every key (rules K2, K3).
 *
 * @throws `INVALID_KEY` for what is no filter, `INVALID_ARGUMENT` for what is neither a string nor a list, `UNSUPPORTED`
 * for more filters than `maxFilters`
 *
 * @example
 * ```ts
 * import { compileFilter } from "@revkv/api";
 *
 * const filter = compileFilter(["zone.Europe.*", "flag"]);
 * console.log(filter.matches("zone.Europe.Paris"), filter.matches("zone.Asia.Tokyo"), filter.ranges);
 * ```
 */
export function compileFilter(
  filter: string | readonly string[],
  maxFilters: number = Number.POSITIVE_INFINITY,
): KeyFilter {
  if (filter === ">") return everyKey;
  if (typeof filter !== "string" && !Array.isArray(filter)) {
    throw new KeyValueError("INVALID_ARGUMENT", `a filter is a string or a list of strings, not ${shown(filter)}`);
  }
  const filters = typeof filter === "string" ? [filter] : [...new Set(filter as readonly string[])];
  if (filters.length > maxFilters) {
    throw new KeyValueError("UNSUPPORTED", `${filters.length} filters in one call, at most ${maxFilters} are possible`);
  }
  const parts = filters.map(compileOne);
  if (parts.length === 0 || filters.includes(">")) return everyKey;
  const matchers = parts.map((part) => part.matches);
  const [single] = matchers;
  return {
    filters,
    all: false,
    keys: parts.every((part) => part.literal) ? [...filters].sort() : null,
    ranges: union(parts.map((part) => part.range)),
    exact: parts.every((part) => part.exact),
    matches: single !== undefined && matchers.length === 1 ? single : (key) => matchers.some((matches) => matches(key)),
  };
}

interface FilterPart {
  readonly literal: boolean;
  readonly exact: boolean;
  readonly range: KeyRange;
  matches(key: string): boolean;
}

/** A key that sorts behind `key` with nothing in between: no key contains a control character. */
const justBehind = (key: string): string => `${key}\u0000`;

/** "/" is the character behind ".": `a/` is the first string behind all that begin with `a.`. */
const behindPrefix = (prefix: string): string => `${prefix.slice(0, -1)}/`;

function compileOne(filter: unknown): FilterPart {
  if (isKey(filter)) {
    const range = { from: filter, to: justBehind(filter) };
    return { literal: true, exact: true, range, matches: (key) => key === filter };
  }
  if (typeof filter !== "string" || filter.length > maxKeyLength) throw invalidKey("filter", filter);
  const tokens = filter.split(".");
  const wild = tokens.findIndex((token) => token === "*" || token === ">");
  const last = tokens.length - 1;
  tokens.forEach((token, index) => {
    if (token === "*" || (token === ">" && index === last)) return;
    if (!isKey(token)) throw invalidKey("filter", filter);
  });
  const prefix = wild === 0 ? "" : `${tokens.slice(0, wild).join(".")}.`;
  const tail = tokens[last] === ">";
  const range = prefix === "" ? { from: "", to: null } : { from: prefix, to: behindPrefix(prefix) };
  if (tail && wild === last) {
    return {
      literal: false,
      exact: true,
      range,
      matches: (key) => key.length > prefix.length && key.startsWith(prefix),
    };
  }
  const pattern = new RegExp(
    `^${tokens.map((token) => (token === "*" ? "[^.]+" : token === ">" ? ".+" : token)).join("\\.")}$`,
  );
  return { literal: false, exact: false, range, matches: (key) => pattern.test(key) };
}

/** Sorts ranges and joins those that touch or overlap, so that a key is in one range only (rule K3). */
function union(ranges: readonly KeyRange[]): KeyRange[] {
  const sorted = [...ranges].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const joined: { from: string; to: string | null }[] = [];
  for (const range of sorted) {
    const open = joined.at(-1);
    if (open === undefined || (open.to !== null && open.to < range.from)) joined.push({ ...range });
    else if (open.to !== null && (range.to === null || range.to > open.to)) open.to = range.to;
  }
  return joined;
}
