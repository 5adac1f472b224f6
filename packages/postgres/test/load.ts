import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";

/** What was said of the writes of a load. Each went to a key of its own. */
export interface Said {
  /** Keys that were written, with the revisions that were given. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Keys of which it was said that they were not written. */
  readonly refused: ReadonlySet<string>;
  /** Keys of which nothing could be said. */
  readonly unknown: ReadonlySet<string>;
}

/** Writers and readers that do not stop for faults. */
export interface Load extends Said {
  /** Lets everybody finish; fails with what nobody should have met. */
  stop(): Promise<void>;
}

const refusing: ReadonlySet<string> = new Set(["UNAVAILABLE", "TIMEOUT"]);

/** Begins to write, to keys that begin with a name, and to read. */
export function startLoad(kv: KeyValue, name: string, writers: number, readers: number): Load {
  const acknowledged = new Map<string, number>();
  const refused = new Set<string>();
  const unknown = new Set<string>();
  let isStopped = false;
  const write = async (writer: number): Promise<void> => {
    for (let index = 0; !isStopped; index += 1) {
      const key = `${name}.${writer}.${index}`;
      try {
        acknowledged.set(key, await kv.put(key, `value of ${key}`));
      } catch (error) {
        const code = isKeyValueError(error) ? error.code : String(error);
        if (code === "OUTCOME_UNKNOWN") unknown.add(key);
        else if (refusing.has(code)) refused.add(key);
        else throw error;
      }
      // Not as fast as possible: the log is read as a whole in the end.
      await delay(2);
    }
  };
  const read = async (): Promise<void> => {
    for (let index = 0; !isStopped; index += 1) {
      const [key] = [...acknowledged.keys()].slice(-1 - (index % 10));
      try {
        if (key !== undefined) assert.equal((await kv.get(key))?.string(), `value of ${key}`);
      } catch (error) {
        if (!isKeyValueError(error) || !refusing.has(error.code)) throw error;
      }
      await delay(2);
    }
  };
  const all = Promise.all([
    ...Array.from({ length: writers }, (_, index) => write(index)),
    ...Array.from({ length: readers }, read),
  ]);
  // Told by stop(), whenever that is called.
  all.catch(() => undefined);
  return {
    acknowledged,
    refused,
    unknown,
    stop: async () => {
      isStopped = true;
      await all;
    },
  };
}

/** What was said by several loads. */
export function together(loads: readonly Said[]): Said {
  return {
    acknowledged: new Map(loads.flatMap((load) => [...load.acknowledged])),
    refused: new Set(loads.flatMap((load) => [...load.refused])),
    unknown: new Set(loads.flatMap((load) => [...load.unknown])),
  };
}

/** Compares what was said with the log: what was acknowledged is there once, what was refused is not. */
export function checkSaid({ acknowledged, refused, unknown }: Said, log: readonly KeyValueEntry[]): void {
  const found = new Map(log.map((entry) => [entry.key, entry.revision]));
  assert.equal(found.size, log.length, "no key was written twice");
  for (const [key, revision] of acknowledged) assert.equal(found.get(key), revision, `${key} was acknowledged`);
  for (const key of refused) assert.ok(!found.has(key), `${key} is there, but was said not to be written`);
  for (const key of found.keys()) assert.ok(acknowledged.has(key) || unknown.has(key), `${key} was never written`);
}

/** What a watcher has given so far. */
export interface Seen {
  readonly entries: readonly KeyValueEntry[];
  /** Rejects with what ended the watcher. */
  readonly ended: Promise<void>;
}

/** Watches a bucket from its beginning. */
export async function see(kv: KeyValue): Promise<Seen> {
  const watcher = await kv.watch(">", { includeHistory: true });
  const entries: KeyValueEntry[] = [];
  const ended = watcher.forEach((entry) => {
    if (entry !== null) entries.push(entry);
  });
  ended.catch(() => undefined);
  return { entries, ended };
}

/** Waits until a watcher has given an entry of this revision or a later one. */
export async function reaches({ entries, ended }: Seen, revision: number): Promise<void> {
  let isEnded = false;
  const end = ended.then(() => {
    isEnded = true;
  });
  while ((entries.at(-1)?.revision ?? 0) < revision) {
    assert.ok(!isEnded, `the watcher ended before revision ${revision}`);
    await Promise.race([end, delay(5)]);
  }
}

/** Entries as they can be compared. */
export function brief(entries: readonly KeyValueEntry[]): readonly string[] {
  return entries.map(({ revision, key, operation }) => `${revision} ${operation} ${key}`);
}

/** Asks again and again until it is so; the test's own deadline ends that. */
export async function until(ask: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await ask())) await delay(10);
}
