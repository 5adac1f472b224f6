import type { NormalizedConfig } from "@revkv/api";
import { bucketGone, parseConfig } from "@revkv/api/adapter";
import type { BucketStatements } from "./bucket-statements.ts";

/** What a bucket is at one moment. */
export interface BucketState {
  readonly config: NormalizedConfig;
  /** The newest revision given. */
  readonly revision: number;
  /** The highest `created` given, in milliseconds. */
  readonly created: number;
  /** The highest revision of a marker that is removed physically for other reasons than history and purge. */
  readonly compactedTo: number;
  /** What keys and values add up to; kept only in buckets with `maxBytes`. */
  readonly bytes: number;
}

/** True where entries can expire. */
export function isExpiring(config: NormalizedConfig): boolean {
  return config.ttl !== undefined || config.limitMarkerTtl !== undefined;
}

/** The parameters of a view's condition; none where nothing expires. */
export function viewParameters(config: NormalizedConfig, now: number): readonly number[] {
  return isExpiring(config) ? [agedBefore(config, now), now, now] : [];
}

/** Rows that were written at this time or before have reached the bucket's ttl. */
export function agedBefore(config: NormalizedConfig, now: number): number {
  return config.ttl === undefined ? -1 : now - config.ttl;
}

/** Reads the bucket's row, and the config in it only when it changed. */
export class StateReader {
  readonly #statements: BucketStatements;
  #text: string | undefined;
  #config: NormalizedConfig | undefined;

  constructor(statements: BucketStatements) {
    this.#statements = statements;
  }

  /** @throws `BUCKET_NOT_FOUND` when the bucket was deleted */
  read(): BucketState {
    const row = this.#statements.state().get() as
      | [string, number, number, number, number, number | null, number | null]
      | undefined;
    if (row === undefined) throw bucketGone();
    const [text, revision, created, compactedTo, bytes, newest, newestCreated] = row;
    if (this.#config === undefined || text !== this.#text) {
      this.#text = text;
      this.#config = parseConfig(text);
    }
    return {
      config: this.#config,
      // The bucket's own row is only written when rows went that were the newest: a plain write need not touch it.
      revision: Math.max(revision, newest ?? 0),
      created: Math.max(created, newestCreated ?? 0),
      compactedTo,
      bytes,
    };
  }
}
