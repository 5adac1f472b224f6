import { KeyValueError } from "../errors.ts";
import type { KeyFilter } from "../filter.ts";
import { shown } from "../names.ts";
import type { KeyWatcher, WatchOptions } from "../watcher.ts";
import { checkFlags, checkInteger, invalid } from "./arguments.ts";
import type { WatchPlan } from "./storage-watcher.ts";
import { checkPast, historyLost, StorageWatcher } from "./storage-watcher.ts";
import type { StoredBucket } from "./stored-bucket.ts";

/** Starts a watcher: subscribes, then draws the line between what is there and what is to come (rule W1). */
export async function openWatcher(
  stored: StoredBucket,
  watchers: Set<StorageWatcher>,
  filter: KeyFilter,
  options: WatchOptions,
): Promise<KeyWatcher> {
  const plan = planOf(filter, options);
  const { resumeIncarnation } = options;
  const { context, feed, storage } = stored;
  if (resumeIncarnation !== undefined && !context.storage.capabilities.bucketIncarnation) {
    throw new KeyValueError("UNSUPPORTED", "buckets have no incarnations here");
  }
  context.admit(plan.signal);
  try {
    await feed.join(plan.signal);
    const line = await stored.step((bucket, call) => bucket.head(call), plan.signal);
    if (plan.initial === "resume") {
      if (resumeIncarnation !== undefined && resumeIncarnation !== storage.incarnation) {
        throw new KeyValueError("HISTORY_LOST", "the bucket is not the one that the revision belongs to");
      }
      if (plan.start > line.revision) throw historyLost(plan.start, line.revision);
      checkPast(plan.start + 1, line);
    }
    context.admit(plan.signal);
    const watcher = new StorageWatcher(stored, plan, line, (stopped) => watchers.delete(stopped));
    watchers.add(watcher);
    return watcher;
  } catch (error) {
    feed.leave();
    throw error;
  }
}

function planOf(filter: KeyFilter, options: WatchOptions): WatchPlan {
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
    ignoreDeletes: options.ignoreDeletes === true,
    metaOnly: options.metaOnly === true,
    signal: options.signal,
  };
}
