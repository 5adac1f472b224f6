import type { Row } from "@revkv/api/adapter";
import { expiryOf } from "@revkv/api/adapter";

/**
 * The most rows that are looked at for one page, whether they match or not: a filter that few keys match must not hold
 * the event loop for the length of a large bucket.
 */
export const maxLooks = 10_000;

const noBytes: Uint8Array = new Uint8Array(0);

/** How a row is handed out: with the expiry that holds for it, and without its value if that is not wanted. */
export function handedOut(row: Row, ttl: number | undefined, values = true): Row {
  if (ttl === undefined && values) return row;
  return { ...row, value: values ? row.value : noBytes, expiresAt: expiryOf(row, ttl) };
}

/** What bounds a page. */
interface PageBounds {
  readonly values: boolean;
  readonly limit: number;
  readonly maxBytes: number;
}

/** The rows of one page while it is put together. */
export class Page {
  readonly rows: Row[] = [];
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

  add(row: Row): void {
    const given = handedOut(row, this.#ttl, this.#bounds.values);
    this.rows.push(given);
    this.#bytes += given.value.length;
  }
}
