/** How many empty slots are tolerated whatever the log's size, so that a short log is not packed all the time. */
const slack = 256;

/** What a log needs to know of a row. */
interface LogRow {
  readonly revision: number;
  /** Where the log has put the row; the log's own. */
  slot: number;
}

/**
 * The rows of a bucket in revision order: an append-only list of slots, in which a removed row leaves its revision. When
 * more than half of the slots are empty the list is packed, so that appending and removing cost O(1) on average, and the
 * slots are never much more than twice the rows.
 */
export class Log<R extends LogRow> {
  readonly #slots: (R | number)[] = [];
  /** The first slot that has a row; behind the last one when there is none. */
  #first = 0;
  #size = 0;

  /** How many rows there are. */
  get size(): number {
    return this.#size;
  }

  /** How many slots there are, empty ones included. */
  get slots(): number {
    return this.#slots.length;
  }

  /** The first slot that has a row; the number of slots when there is none. */
  get firstSlot(): number {
    return this.#first;
  }

  /** The row with the lowest revision. */
  get oldest(): R | undefined {
    return this.rowAt(this.#first);
  }

  /** Adds a row with a revision above all others. */
  append(row: R): void {
    row.slot = this.#slots.length;
    this.#slots.push(row);
    this.#size += 1;
  }

  /** Removes a row, which must be there. */
  remove(row: R): void {
    this.#slots[row.slot] = row.revision;
    this.#size -= 1;
    if (this.#slots.length > 2 * this.#size + slack) this.#pack();
    while (typeof this.#slots[this.#first] === "number") this.#first += 1;
  }

  /** The row with this revision. */
  get(revision: number): R | undefined {
    const row = this.#slots[this.slotAfter(revision - 1)];
    return typeof row === "object" && row.revision === revision ? row : undefined;
  }

  /** The first slot that ever held a revision above this one, or the number of slots. Slots change with the log. */
  slotAfter(revision: number): number {
    let low = 0;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.revisionAt(middle) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The row in a slot; undefined when it was removed. */
  rowAt(slot: number): R | undefined {
    const found = this.#slots[slot];
    return typeof found === "number" ? undefined : found;
  }

  /** The revision that a slot holds or held. */
  revisionAt(slot: number): number {
    const found = this.#slots[slot] as R | number;
    return typeof found === "number" ? found : found.revision;
  }

  #pack(): void {
    let packed = 0;
    for (let slot = this.#first; slot < this.#slots.length; slot += 1) {
      const row = this.#slots[slot];
      if (typeof row !== "object") continue;
      row.slot = packed;
      this.#slots[packed] = row;
      packed += 1;
    }
    this.#slots.length = packed;
    this.#first = 0;
  }
}
