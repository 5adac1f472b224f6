import type { KeyFilter } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { Call, LogPage, LogQuery, Row } from "@revkv/api/adapter";
import type { BucketScripts } from "./bucket-scripts.ts";
import type { SeenMark } from "./mark.ts";
import { markOf } from "./mark.ts";
import type { Argument } from "./redis-client.ts";
import { numberOf, rowOf } from "./rows.ts";

/** So many keys are looked up together without weighing the cost. */
const fewKeys = 64;

/** So many wildcard filters are tested by the server; of more, the kit leaves out what does not match. */
const fewFilters = 8;

/** How many keys one step looks at, and how many rows are remembered, at the most. */
const keysPerStep = 1000;
const mostRows = 100_000;

/** The rows of a filter, found by their keys once, so that later pages need not look for them again. */
interface Found {
  readonly revisions: readonly number[];
  readonly keys: readonly string[];
  /** No row of the filter behind `after` and up to here is left out. */
  readonly after: number;
  readonly upTo: number;
}

/** Reads a page of the log: along the log, or by the keys where few keys can match (rule L3). */
export async function readLogPage(scripts: BucketScripts, query: LogQuery, call: Call): Promise<LogPage> {
  const { filter } = query;
  if (filter.all) return readPage(scripts, query, ["log"], call);
  if (filter.keys !== null && filter.keys.length <= fewKeys) {
    return readPage(scripts, query, ["keys", ...filter.keys], call);
  }
  const given = query.resume as Found | "along" | undefined;
  const found = given === "along" || isUseful(given, query) ? given : await findRows(scripts, query, call);
  if (found === undefined || found === "along") {
    const page = await readPage(scripts, query, ["log", ...patternsOf(filter)], call);
    return { ...page, resume: "along" };
  }
  return readFound(scripts, query, found, call);
}

async function readFound(scripts: BucketScripts, query: LogQuery, found: Found, call: Call): Promise<LogPage> {
  const after = query.after.revision;
  const first = found.revisions.findIndex((revision) => revision > after);
  const from = first < 0 ? found.revisions.length : first;
  const to = Math.min(from + query.limit, found.revisions.length);
  const args: string[] = [];
  for (let index = from; index < to; index += 1) {
    args.push(String(found.revisions[index]), found.keys[index] as string);
  }
  const page = await readPage(scripts, query, ["rows", ...args], call);
  const isWhole = page.end.revision >= (found.revisions[to - 1] ?? 0);
  // Up to the next row that is known nothing was left out.
  const end = isWhole ? Math.max((found.revisions[to] ?? found.upTo + 1) - 1, after) : page.end.revision;
  const { head } = page;
  const target = Math.min(query.upTo ?? head.revision, head.revision);
  return { ...page, end: { revision: end, mark: head.mark }, done: end >= target, resume: found };
}

function isUseful(found: Found | undefined, { after }: LogQuery): found is Found {
  return found !== undefined && found.after <= after.revision && after.revision < found.upTo;
}

/** Finds the rows of a filter by the keys; undefined when it is cheaper to go along the log. */
async function findRows(scripts: BucketScripts, query: LogQuery, call: Call): Promise<Found | undefined> {
  const rows: { readonly revision: number; readonly key: string }[] = [];
  const after = query.after.revision;
  let upTo = query.upTo;
  for (let key = "", done = false; !done; ) {
    const reply = await scripts.read(
      "findRows",
      [
        String(after),
        upTo === undefined ? "" : String(upTo),
        query.newestOnly ? "1" : "0",
        key,
        String(keysPerStep),
        ...rangeArguments(query.filter, key),
      ],
      call,
    );
    if (reply === 0) return undefined;
    const [target, last, isEnd, ...found] = reply as readonly unknown[];
    upTo = numberOf(target);
    for (let index = 0; index < found.length; index += 2) {
      rows.push({ revision: numberOf(found[index]), key: String(found[index + 1]) });
    }
    if (rows.length > mostRows) return undefined;
    key = String(last);
    done = numberOf(isEnd) === 1;
  }
  rows.sort((a, b) => a.revision - b.revision);
  return { revisions: rows.map(({ revision }) => revision), keys: rows.map(({ key }) => key), after, upTo: upTo ?? 0 };
}

/** The ranges of a filter behind a key: of each the first key and the first behind, empty for none. */
export function rangeArguments({ ranges }: KeyFilter, after: string): string[] {
  // No key has a control character: this is the first string behind the key.
  const from = after === "" ? "" : `${after}\u0000`;
  return ranges
    .filter(({ to }) => to === null || to > from)
    .flatMap((range) => [range.from > from ? range.from : from, range.to ?? ""]);
}

async function readPage(
  scripts: BucketScripts,
  query: LogQuery,
  where: readonly Argument[],
  call: Call,
): Promise<LogPage> {
  const { after, upTo, newestOnly, values, limit, maxBytes } = query;
  const before = markOf(after);
  const reply = await scripts.settleAndRead(
    "readLog",
    [
      String(after.revision),
      upTo === undefined ? "" : String(upTo),
      newestOnly ? "1" : "0",
      values ? "1" : "0",
      String(limit),
      String(maxBytes),
      String(before?.revision ?? 0),
      before?.nonce ?? "",
      before?.era ?? "",
      ...where,
    ],
    call,
  );
  if (reply === -4) {
    throw new KeyValueError(
      "HISTORY_LOST",
      `the server cannot be shown to have revision ${before?.revision} as it was seen`,
    );
  }
  const [revision, compactedTo, nonce, era, now, ttl, end, ...found] = reply as readonly unknown[];
  const mark: SeenMark = { revision: numberOf(revision), nonce: String(nonce), era: String(era) };
  const rows: Row[] = [];
  for (let index = 0; index < found.length; index += 2) {
    rows.push(rowOf(String(found[index]), found[index + 1] as Buffer, numberOf(ttl), mark));
  }
  const head = { revision: mark.revision, compactedTo: numberOf(compactedTo), mark };
  const reached = numberOf(end);
  const target = Math.min(upTo ?? head.revision, head.revision);
  return { rows, end: { revision: reached, mark }, done: reached >= target, head, now: numberOf(now) };
}

/** Filters as Lua patterns; none when there are so many that testing them would cost more than it saves. */
function patternsOf({ filters }: KeyFilter): string[] {
  return filters.length > fewFilters ? [] : filters.map(patternOf);
}

function patternOf(filter: string): string {
  const tokens = filter.split(".").map((token) => {
    if (token === "*") return "[^.]+";
    return token === ">" ? ".+" : token.replace(/[^a-zA-Z0-9]/g, "%$&");
  });
  return `^${tokens.join("%.")}$`;
}
