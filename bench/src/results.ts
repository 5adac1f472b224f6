import type { Row } from "./comparison.ts";

/** The times of one task on one subject, in nanoseconds per operation. */
export interface Times {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What the rounds gave. */
export class Results {
  readonly #times: Map<string, number[]> = new Map();

  /** Adds the time of a round, in nanoseconds per operation. */
  add(row: Row, subject: string, time: number): void {
    const times = this.#times.get(idOf(row, subject));
    if (times === undefined) this.#times.set(idOf(row, subject), [time]);
    else times.push(time);
  }

  /** Undefined when the subject cannot do it. */
  times(row: Row, subject: string): Times | undefined {
    const sorted = this.#times.get(idOf(row, subject))?.sort((a, b) => a - b);
    if (sorted === undefined) return undefined;
    return { median: median(sorted), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
  }

  /** How many times as fast as another one a subject is, at the same task or at another. */
  speed(row: Row, subject: string, other: string, otherRow: Row = row): number {
    return this.#median(otherRow, other) / this.#median(row, subject);
  }

  /** How many times as long an operation takes in the one row as in the other. */
  growth(from: Row, to: Row, subject: string): number {
    return this.#median(to, subject) / this.#median(from, subject);
  }

  #median(row: Row, subject: string): number {
    return this.times(row, subject)?.median ?? Number.NaN;
  }
}

/** The middle of a sorted list. */
export function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

function idOf({ task, kind, size, variant }: Row, subject: string): string {
  return [subject, task, kind, size, variant].join();
}
