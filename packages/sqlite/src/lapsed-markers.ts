import type { BucketStatements } from "./bucket-statements.ts";

/**
 * How long after its deadline a marker is looked for anew every time, in milliseconds: by then every commit that was
 * under way at its deadline is over.
 */
const settling = 10_000;

/**
 * The highest revision of a marker whose own deadline has passed (rule W13). It is remembered, so that many that nobody
 * has removed yet are gone through once, and not by every read.
 */
export class LapsedMarkers {
  readonly #statements: BucketStatements;
  /** Deadlines up to this time are contained in {@link #highest}. */
  #until = 0;
  #highest = 0;

  constructor(statements: BucketStatements) {
    this.#statements = statements;
  }

  /** Finds it as of a time; 0 when there is none. */
  highest(now: number): number {
    const settled = now - settling;
    if (settled > this.#until) {
      this.#highest = Math.max(this.#highest, this.#between(this.#until, settled));
      this.#until = settled;
    }
    return Math.max(this.#highest, this.#between(settled, now));
  }

  #between(from: number, to: number): number {
    return (this.#statements.lapsedMarker().get(from, to)?.[0] as number | null | undefined) ?? 0;
  }
}
