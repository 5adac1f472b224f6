import { KeyValueError } from "../errors.ts";
import type { KeyWatcher } from "../watcher.ts";
import { checkPast, historyLost, StorageWatcher } from "./storage-watcher.ts";
import type { StoredBucket } from "./stored-bucket.ts";
import type { WatchPlan } from "./watch-plan.ts";

/** Starts a watcher: subscribes, then draws the line between what is there and what is to come (rule W1). */
export async function openWatcher(
  stored: StoredBucket,
  watchers: Set<StorageWatcher>,
  plan: WatchPlan,
): Promise<KeyWatcher> {
  const { context, feed, storage } = stored;
  context.admit(plan.signal);
  try {
    await feed.join(plan.signal);
    const line = await stored.step((bucket, call) => bucket.head(call), plan.signal);
    if (plan.initial === "resume") {
      if (plan.incarnation !== undefined && plan.incarnation !== storage.incarnation) {
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
