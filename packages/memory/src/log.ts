import type { Row } from "@revkv/api/adapter";

/** How many empty slots are tolerated whatever the log's size, so that a short log is not packed all the time. */
const slack = 256;

/**
 * The rows of a bucket in revision order: an append-only list of slots, in which a removed row leaves its slot empty.
 * When more than half of the slots are empty the list is packed, so that appending and removing cost O(1) on average (a
 * removal finds its slot in O(log n)), and the slots are never much more than twice the rows.
 */
export class Log<R extends Pick<Row, "revision">> {
  readonly #revisions: number[] = [];
  readonly #rows: (R | undefined)[] = [];
  /** The first slot that has a row; behind the last one when there is none. */
  #first = 0;
  #size = 0;

  /** How many rows there are. */
  get size(): number {
    return this.#size;
  }

  /** How many slots there are, empty ones included. */
  get slots(): number {
    return this.#rows.length;
  }

  /** The row with the lowest revision. */
  get oldest(): R | undefined {
    return this.#rows[this.#first];
  }

  /** Adds a row with a revision above all others. */
  append(row: R): void {
    this.#revisions.push(row.revision);
    this.#rows.push(row);
    this.#size += 1;
  }

  /** Removes the row with this revision, which must be there. */
  remove(revision: number): void {
    this.#rows[this.slotAfter(revision - 1)] = undefined;
    this.#size -= 1;
    if (this.#rows.length > 2 * this.#size + slack) this.#pack();
    while (this.#first < this.#rows.length && this.#rows[this.#first] === undefined) this.#first += 1;
  }

  /** The row with this revision. */
  get(revision: number): R | undefined {
    const slot = this.slotAfter(revision - 1);
    return this.#revisions[slot] === revision ? this.#rows[slot] : undefined;
  }

  /** The first slot that ever held a revision above this one, or the number of slots. Slots change with the log. */
  slotAfter(revision: number): number {
    const revisions = this.#revisions;
    let low = 0;
    let high = revisions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((revisions[middle] as number) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The row in a slot; undefined when it was removed. */
  rowAt(slot: number): R | undefined {
    return this.#rows[slot];
  }

  /** The revision that a slot holds or held. */
  revisionAt(slot: number): number {
    return this.#revisions[slot] as number;
  }

  #pack(): void {
    let packed = 0;
    for (let slot = this.#first; slot < this.#rows.length; slot += 1) {
      const row = this.#rows[slot];
      if (row === undefined) continue;
      this.#rows[packed] = row;
      this.#revisions[packed] = row.revision;
      packed += 1;
    }
    this.#rows.length = packed;
    this.#revisions.length = packed;
    this.#first = 0;
  }
}
