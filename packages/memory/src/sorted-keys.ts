import type { KeyRange } from "@revkv/api";
import { BTree } from "./btree.ts";

/** The largest that sorts well in measurements with up to a million keys: shallow, and still cheap to insert into. */
const nodeSize = 128;

/** A set of keys in the order of their bytes, which for ASCII is that of JavaScript's strings. */
export class SortedKeys {
  readonly #tree: BTree<string, undefined> = new BTree<string, undefined>(
    undefined,
    (a, b) => (a < b ? -1 : a === b ? 0 : 1),
    nodeSize,
  );

  add(key: string): void {
    this.#tree.set(key, undefined);
  }

  delete(key: string): void {
    this.#tree.delete(key);
  }

  /** The keys in a range that come behind `after`, in order. The set must not change meanwhile. */
  *within(range: KeyRange, after = ""): Generator<string, void> {
    for (const key of this.#tree.keys(after > range.from ? after : range.from)) {
      if (range.to !== null && key >= range.to) return;
      if (key !== after) yield key;
    }
  }
}
