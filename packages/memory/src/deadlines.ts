import type { Row } from "@revkv/api/adapter";
import { BTree } from "./btree.ts";

/** The rows of a bucket that have a deadline of their own, earliest first. */
export class Deadlines {
  readonly #tree: BTree<Row, undefined> = new BTree<Row, undefined>(undefined, byDeadline);

  /** The earliest deadline, in milliseconds; infinite when there is none. */
  get earliest(): number {
    return this.#tree.minKey()?.expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /** Adds a row; one without a deadline is passed over. */
  add(row: Row): void {
    if (row.expiresAt !== undefined) this.#tree.set(row, undefined);
  }

  delete(row: Row): void {
    if (row.expiresAt !== undefined) this.#tree.delete(row);
  }

  /** The rows whose deadline has passed, earliest first. They must not change meanwhile. */
  *passed(now: number): Generator<Row, void> {
    for (const row of this.#tree.keys()) {
      if (deadlineOf(row) > now) return;
      yield row;
    }
  }
}

function deadlineOf(row: Row): number {
  return row.expiresAt ?? Number.POSITIVE_INFINITY;
}

function byDeadline(a: Row, b: Row): number {
  return deadlineOf(a) - deadlineOf(b) || a.revision - b.revision;
}
