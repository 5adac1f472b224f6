import assert from "node:assert/strict";
import type { KeyValueEntry, KeyWatcher } from "@revkv/api";
import { eventually } from "./expect.ts";

/** A watcher that is read all the time, item by item, while a scenario does other things. */
export interface Recorder {
  readonly watcher: KeyWatcher;
  /** What was delivered so far. */
  readonly items: readonly (KeyValueEntry | null)[];
  /** The highest revision delivered so far; 0 when there is none. */
  readonly revision: number;
  /** Waits until a revision at least this high was delivered, however long that takes as long as something comes. */
  reaches(revision: number): Promise<void>;
  /** Stops the watcher, waits for its normal end, and gives what was delivered. */
  stop(): Promise<Recording>;
}

/** What a watcher delivered from its start to its end. */
export interface Recording {
  /** The entries before `null`. */
  readonly initial: readonly KeyValueEntry[];
  /** The entries after it. */
  readonly updates: readonly KeyValueEntry[];
}

/** Begins to record a watcher; `pace` is awaited between items: a consumer that takes its time. */
export function record(watcher: KeyWatcher, pace?: () => Promise<void>): Recorder {
  const items: (KeyValueEntry | null)[] = [];
  let revision = 0;
  let failure: { readonly reason: unknown } | undefined;
  const reading = watcher
    .forEach(async (item) => {
      items.push(item);
      revision = Math.max(revision, item?.revision ?? 0);
      await pace?.();
    })
    .catch((reason: unknown) => {
      failure = { reason };
    });
  const check = (): void => {
    if (failure !== undefined) throw failure.reason;
  };
  return {
    watcher,
    items,
    get revision() {
      return revision;
    },
    async reaches(wanted) {
      do {
        const before = items.length;
        await eventually(`a watcher to deliver revision ${wanted}, after ${before} items`, () => {
          check();
          return revision >= wanted || items.length > before;
        });
      } while (revision < wanted);
    },
    async stop() {
      await watcher.stop();
      await reading;
      check();
      return split(items);
    },
  };
}

/** Splits what a watcher delivered at its `null`, of which there must be exactly one (rule W1). */
export function split(items: readonly (KeyValueEntry | null)[]): Recording {
  const line = items.indexOf(null);
  assert.notEqual(line, -1, "a watcher gives null after its initial set");
  assert.equal(items.indexOf(null, line + 1), -1, "a watcher gives null exactly once");
  const entries = (part: readonly (KeyValueEntry | null)[]): KeyValueEntry[] => part.filter((item) => item !== null);
  return { initial: entries(items.slice(0, line)), updates: entries(items.slice(line + 1)) };
}

/** The revisions of entries, for comparison. */
export function revisions(entries: readonly KeyValueEntry[]): number[] {
  return entries.map((entry) => entry.revision);
}

/** Asserts that revisions rise strictly (rules M3, W7). */
export function assertRising(entries: readonly KeyValueEntry[], what: string): void {
  entries.forEach((entry, index) => {
    const before = entries[index - 1]?.revision ?? 0;
    assert.ok(entry.revision > before, `${what}: revision ${entry.revision} comes behind ${before}`);
  });
}
