import type { Results } from "./results.ts";
import type { Kind, Subject } from "./store.ts";
import type { TaskName } from "./tasks.ts";

/** One line of the table: a task on stores of a size. */
export interface Row {
  readonly task: TaskName;
  readonly kind: Kind;
  /** How many keys the store holds. */
  readonly size: number;
  /** How the stores are opened, where that makes a difference. */
  readonly variant?: string | undefined;
  /** The subjects that are measured; default: all. */
  readonly only?: readonly Subject[] | undefined;
}

/** What we want to reach, and how it is read from the results. */
export interface Aim {
  readonly what: string;
  readonly figure: (results: Results) => number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** What one adapter is compared with, and in what: `bench/src/<adapter>.ts` has one. */
export interface Comparison {
  readonly title: string;
  /** What the reader has to know about the subjects, as Markdown. */
  readonly about: string;
  /** The packages whose versions matter. */
  readonly packages: readonly string[];
  /** Ours first, then what it is measured against, then others. */
  readonly subjects: readonly [Subject, Subject, ...Subject[]];
  /** Which speeds are of interest: one of ours and what it is measured against. Default: the first against all others. */
  readonly pairs?: readonly (readonly [Subject, Subject])[] | undefined;
  readonly rows: readonly Row[];
  /** How long values are; default: 100 bytes. */
  readonly valueBytes?: number | undefined;
  readonly aims: readonly Aim[];
  /** Starts what all processes of the benchmark use, such as servers; returns what ends it. */
  readonly start?: () => Promise<() => Promise<void>>;
  /** Sections that only this adapter has, as Markdown; measured after the rounds. */
  readonly more?: (quick: boolean) => Promise<string>;
}

/** The rows that every adapter has: one by one, together, and as the store grows. */
export function rowsFor(sizes: readonly [number, ...number[]]): Row[] {
  const [smallest] = sizes;
  const kinds: readonly Kind[] = ["string", "bytes"];
  return [
    ...(["put", "get"] as const).flatMap((task) => kinds.map((kind): Row => ({ task, kind, size: smallest }))),
    ...(["put, 64 at once", "get, 64 at once"] as const).map((task): Row => ({ task, kind: "string", size: smallest })),
    ...(["put", "get"] as const).flatMap((task) => sizes.slice(1).map((size): Row => ({ task, kind: "string", size }))),
    ...sizes.map((size): Row => ({ task: "keys", kind: "string", size })),
    ...(["1 watcher", "100 watchers", "1,000 watchers"] as const).map(
      (task): Row => ({ task, kind: "string", size: 100 }),
    ),
  ];
}
