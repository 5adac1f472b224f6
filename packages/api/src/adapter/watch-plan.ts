import type { KeyFilter } from "../filter.ts";
import { shown } from "../names.ts";
import type { WatchOptions } from "../watcher.ts";
import { checkFlags, checkInteger, invalid } from "./arguments.ts";

/** What a watcher delivers, and from where. */
export interface WatchPlan {
  readonly filter: KeyFilter;
  /** What comes before `null`: the newest row of each key, all rows, all rows behind `start`, or nothing. */
  readonly initial: "newest" | "history" | "resume" | "none";
  /** The initial set begins behind this revision. */
  readonly start: number;
  /** The incarnation that `start` belongs to; undefined: whichever the bucket is (rule W5). */
  readonly incarnation: string | undefined;
  readonly ignoreDeletes: boolean;
  readonly metaOnly: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks the options of a watch (rules W2, W5).
 *
 * @throws `INVALID_ARGUMENT`
 */
export function watchPlanOf(filter: KeyFilter, options: WatchOptions): WatchPlan {
  checkFlags(options, ["includeHistory", "updatesOnly", "ignoreDeletes", "metaOnly"]);
  const { resumeFromRevision, resumeIncarnation, includeHistory, updatesOnly } = options;
  if (resumeFromRevision !== undefined) checkInteger(resumeFromRevision, "resumeFromRevision", 1);
  if (resumeIncarnation !== undefined && typeof resumeIncarnation !== "string") {
    throw invalid(`resumeIncarnation is a string, not ${shown(resumeIncarnation)}`);
  }
  if (resumeIncarnation !== undefined && resumeFromRevision === undefined) {
    throw invalid("resumeIncarnation goes with resumeFromRevision");
  }
  const starts = [includeHistory === true, updatesOnly === true, resumeFromRevision !== undefined];
  if (starts.filter(Boolean).length > 1) {
    throw invalid("includeHistory, updatesOnly and resumeFromRevision exclude each other");
  }
  return {
    filter,
    initial: includeHistory ? "history" : updatesOnly ? "none" : resumeFromRevision === undefined ? "newest" : "resume",
    start: (resumeFromRevision ?? 1) - 1,
    incarnation: resumeIncarnation,
    ignoreDeletes: options.ignoreDeletes === true,
    metaOnly: options.metaOnly === true,
    signal: options.signal,
  };
}
