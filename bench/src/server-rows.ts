import type { Aim, Row } from "./comparison.ts";
import type { Subject } from "./store.ts";
import type { TaskName } from "./tasks.ts";

/** What stores behind a server are measured by: each task by itself and 64 at once, on few keys and on many. */

const smallest = 1_000;
const largest = 1_000_000;

const kinds = ["get", "put"] as const;

export const serverRows: readonly Row[] = (["get", "get, 64 at once", "put", "put, 64 at once"] as const).map((task) =>
  row(task),
);

function row(task: TaskName, size: number = smallest): Row {
  return { task, kind: "bytes", size };
}

/** The same on many keys, which takes long: ours, and what it is measured against. */
export function growingRows(ours: Subject, raw: Subject): readonly Row[] {
  return kinds.map((task) => ({ ...row(task, largest), only: [ours, raw] }));
}

/** How many times as fast ours is wanted to be as others. */
export function speedAims(
  ours: Subject,
  wanted: readonly (readonly [task: TaskName, other: Subject, atLeast: number])[],
): readonly Aim[] {
  return wanted.map(([task, other, atLeast]) => ({
    what: `${task}: times ${other.name}`,
    figure: (results) => results.speed(row(task), ours.name, other.name),
    atLeast,
  }));
}

/** How much slower ours may become with the number of keys. */
export function growthAims(ours: Subject, raw: Subject): readonly Aim[] {
  return growingRows(ours, raw).map((many) => ({
    what: `${many.task}: growth of the time from 1,000 to 1,000,000 keys, times the growth of ${raw.name}`,
    figure: (results) =>
      results.growth(row(many.task), many, ours.name) / results.growth(row(many.task), many, raw.name),
    atMost: 1.5,
  }));
}

/** The URL of a server that the first process of the benchmark has started, and has put into the environment. */
export function urlOf(variable: string): string {
  const url = process.env[variable];
  if (url === undefined) throw new Error(`${variable} is not set`);
  return url;
}
