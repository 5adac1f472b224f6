import assert from "node:assert/strict";
import type { Capabilities, KeyValue, KeyValueEntry, KeyWatcher, WatchOptions } from "@revkv/api";
import { KeyValueError, RevisionCompactedError } from "@revkv/api";
import { throughNull } from "../expect.ts";
import type { Oracle, OracleEntry } from "../oracle.ts";
import { matches } from "../oracle.ts";
import type { Recorder } from "../recorder.ts";
import { assertRising, record } from "../recorder.ts";
import { expectedView, viewOf } from "../view.ts";
import type { Comparison } from "./outcome.ts";
import type { WatchStart } from "./steps.ts";

type Filter = string | readonly string[];

/** The key that a trace writes in order to know when its watchers have seen everything before. */
export const syncKey = "sync";

/** A watcher that is read while a trace goes on. */
export interface LiveWatcher {
  readonly what: string;
  readonly recorder: Recorder;
  readonly filter: Filter;
  readonly options: WatchOptions;
  /** The newest revision when it began. */
  readonly line: number;
  /** Its initial set at that time. */
  readonly initial: readonly OracleEntry[];
}

/** The options of a watcher, with its resume point, at `first` or later, made of a share of the revisions that there are. */
export function optionsOf(start: WatchStart, oracle: Oracle, first: number): WatchOptions {
  const { resume, ...options } = start;
  if (resume === undefined) return options;
  return { ...options, resumeFromRevision: Math.max(first, Math.ceil(((oracle.revision + 1) * resume) / 100)) };
}

/** Starts a watcher on both sides; undefined when it is refused, on both sides. */
export async function startWatcher(
  comparison: Comparison,
  kv: KeyValue,
  oracle: Oracle,
  capabilities: Capabilities,
  filter: Filter,
  options: WatchOptions,
): Promise<LiveWatcher | undefined> {
  const what = `watch(${JSON.stringify(filter)}, ${JSON.stringify(options)})`;
  const all = typeof filter === "string" ? [filter] : filter;
  const withSync = all.length === 0 ? all : capabilities.multipleFilters ? [...all, syncKey] : ">";
  let watcher: KeyWatcher | undefined;
  const start = async (): Promise<void> => {
    watcher = await kv.watch(withSync, options);
  };
  await comparison.same(what, start, () => judge(oracle, capabilities, options));
  if (watcher === undefined) return undefined;
  const initial = oracle.initial(withSync, options);
  return { what, recorder: record(watcher), filter: withSync, options, line: oracle.revision, initial };
}

/** Refuses what cannot be started (rules W2, W5, W13). */
function judge(oracle: Oracle, capabilities: Capabilities, options: WatchOptions): void {
  const { includeHistory, updatesOnly, resumeFromRevision } = options;
  if (includeHistory === true && updatesOnly === true) throw new KeyValueError("INVALID_ARGUMENT", "both");
  if (resumeFromRevision === undefined) return;
  if (resumeFromRevision > oracle.revision + 1) throw new KeyValueError("HISTORY_LOST", "ahead");
  if (capabilities.compactionDetection && resumeFromRevision <= oracle.compactedTo) {
    throw new RevisionCompactedError(resumeFromRevision, oracle.compactedTo);
  }
}

/**
 * Stops a watcher that has seen all there is, and checks what it delivered (rules W1 to W7). Gives what of that no
 * watcher may have missed, in one line.
 */
export async function checkWatcher(
  { what, recorder, filter, options, line, initial }: LiveWatcher,
  oracle: Oracle,
): Promise<string> {
  const given = await recorder.stop();
  assertRising([...given.initial, ...given.updates], what);
  const later = oracle.written.filter(
    (entry) =>
      entry.revision > line &&
      matches(filter, entry.key) &&
      !(options.ignoreDeletes === true && entry.operation !== "PUT"),
  );
  const wholeHistory = options.includeHistory === true || options.resumeFromRevision !== undefined;
  const stands = (entry: OracleEntry): boolean =>
    oracle.kept.includes(entry) && (wholeHistory || oracle.newest(entry.key) === entry);
  const sets = [
    { part: "initial set", isUpdate: false, entries: given.initial, possible: initial, needed: initial.filter(stands) },
    {
      part: "updates",
      isUpdate: true,
      entries: given.updates,
      possible: later,
      needed: later.filter((entry) => oracle.kept.includes(entry)),
    },
  ];
  for (const { part, isUpdate, entries, possible, needed } of sets) {
    const byRevision = new Map(possible.map((entry) => [entry.revision, entry]));
    for (const entry of entries) {
      const expected = byRevision.get(entry.revision);
      if (expected === undefined) assert.fail(`${what}: ${viewOf(entry)} does not belong into its ${part}`);
      // How long it still lives depends on the bucket's ttl at the time when it was read.
      const sight = { metaOnly: options.metaOnly, isUpdate };
      assert.equal(timeless(viewOf(entry)), timeless(expectedView(oracle, expected, sight)), what);
    }
    const delivered = new Set(entries.map((entry) => entry.revision));
    for (const { revision } of needed) assert.ok(delivered.has(revision), `${what}: ${revision} is in its ${part}`);
  }
  return `${what} delivers ${JSON.stringify(sets.map(({ part, entries, needed }) => [part, neededOf(entries, needed)]))}`;
}

function neededOf(entries: readonly KeyValueEntry[], needed: readonly OracleEntry[]): string[] {
  const revisions = new Set(needed.map((entry) => entry.revision));
  return entries.filter((entry) => revisions.has(entry.revision)).map((entry) => timeless(viewOf(entry)));
}

function timeless(view: string): string {
  return view.replace(/ lives \d+$/, "");
}

const flags = [false, true];

/** Compares the initial sets of fresh watchers with all options. */
export async function compareInitialSets(
  comparison: Comparison,
  kv: KeyValue,
  oracle: Oracle,
  capabilities: Capabilities,
  filters: readonly Filter[],
  firstResume: number,
): Promise<void> {
  const starts: WatchOptions[] = [
    {},
    { includeHistory: true },
    { updatesOnly: true },
    ...[
      1,
      oracle.compactedTo,
      oracle.compactedTo + 1,
      Math.ceil(oracle.revision / 2),
      oracle.revision + 1,
      oracle.revision + 2,
    ]
      .filter((revision) => revision >= firstResume)
      .map((resumeFromRevision) => ({ resumeFromRevision })),
  ];
  for (const filter of filters) {
    for (const start of starts) {
      for (const ignoreDeletes of flags) {
        const options = { ...start, ignoreDeletes, metaOnly: ignoreDeletes };
        await comparison.same(
          `the initial set of watch(${JSON.stringify(filter)}, ${JSON.stringify(options)})`,
          async () => (await throughNull(await kv.watch(filter, options))).map(viewOf),
          () => {
            judge(oracle, capabilities, options);
            return oracle.initial(filter, options).map((entry) => expectedView(oracle, entry, options));
          },
        );
      }
    }
  }
}
