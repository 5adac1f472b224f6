import type { BucketState } from "./bucket-state.ts";
import type { BucketStatements } from "./bucket-statements.ts";

/** How many rows a step looks at. */
const page = 500;

/**
 * Removes what a lowered history leaves over, of some keys within a write transaction; true when there are more keys to
 * look at. How far it came stands in the bucket's row, so that whoever comes next goes on from there (rule B6).
 */
export function trimPage(statements: BucketStatements, { config, trimming }: BucketState): boolean {
  if (trimming === undefined) return false;
  const rows = statements.keysBehind().all(trimming, page);
  const counts = new Map<string, number>();
  for (const [key] of rows as readonly (readonly [string])[]) counts.set(key, (counts.get(key) ?? 0) + 1);
  const last = rows.at(-1)?.[0];
  for (const [key, count] of counts) {
    // Of the last key there may be more rows.
    if (count > config.history || key === last) statements.trim().run(key, key, config.history);
  }
  const isMore = rows.length === page;
  statements.setTrimming().run(isMore ? (last as string) : null);
  return isMore;
}
