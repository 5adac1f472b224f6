import { once } from "node:events";
import type { Writable } from "node:stream";

/** Standard output, with a line for each result: as JSON for programs, or as text for people. */
export class Output {
  readonly isJson: boolean;
  readonly #stream: Writable & { readonly isTTY?: boolean; readonly columns?: number };

  constructor(isJson: boolean, stream: Writable) {
    this.isJson = isJson;
    this.#stream = stream;
  }

  /** How many characters fit on a line; Infinity where nobody looks on. */
  get columns(): number {
    return this.#stream.isTTY === true ? (this.#stream.columns ?? 80) : Number.POSITIVE_INFINITY;
  }

  /** Writes a line. Resolves when the reader has kept up. */
  line(text: string): Promise<void> {
    return this.bytes(`${text}\n`);
  }

  /** Writes a line of JSON. */
  json(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value));
  }

  /** Writes a result in the way that was asked for. */
  result(value: unknown, text: string): Promise<void> {
    return this.isJson ? this.json(value) : this.line(text);
  }

  /** Writes bytes as they are. */
  async bytes(value: Uint8Array | string): Promise<void> {
    if (this.#stream.write(value) || this.#stream.destroyed) return;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.#stream.once("close", resolve);
    try {
      await Promise.race([once(this.#stream, "drain").catch(() => {}), closed]);
    } finally {
      this.#stream.off("close", resolve);
    }
  }
}
