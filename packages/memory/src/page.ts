import type { MemoryRow } from "./memory-row.ts";

/**
 * The most rows that are looked at for one page, whether they match or not: a filter that few keys match must not hold
 * the event loop for the length of a large bucket.
 */
export const maxLooks = 10_000;

/** What bounds a page. */
interface PageBounds {
  readonly values: boolean;
  readonly limit: number;
  readonly maxBytes: number;
}

/** The rows of one page while it is put together. */
export class Page {
  readonly rows: MemoryRow[] = [];
  readonly #bounds: PageBounds;
  readonly #ttl: number | undefined;
  #bytes = 0;

  constructor(bounds: PageBounds, ttl: number | undefined) {
    this.#bounds = bounds;
    this.#ttl = ttl;
  }

  get full(): boolean {
    return this.rows.length >= this.#bounds.limit || this.#bytes >= this.#bounds.maxBytes;
  }

  add(row: MemoryRow): void {
    this.rows.push(row.handedOut(this.#ttl, this.#bounds.values));
    if (this.#bounds.values) this.#bytes += row.length;
  }
}
