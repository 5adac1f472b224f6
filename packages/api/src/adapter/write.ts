import type { Value } from "./bytes.ts";

/** One operation on one key, checked by the kit. */
export interface Write {
  /** A put appends a value, a delete or purge a marker; a check writes nothing. */
  readonly op: "put" | "delete" | "purge" | "check";
  readonly key: string;
  /**
   * The value of a put; empty for the other operations. Nobody changes it, but bytes may be a part of a larger buffer: a
   * storage that keeps many values in memory copies them, or the whole buffers stay.
   */
  readonly value: Value;
  /**
   * The condition: undefined for none, null for "the key is not live" (rule O3), else the revision that the newest kept
   * entry must have, markers included, 0 for "no entry at all" (rules O4, O5).
   */
  readonly expect: number | null | undefined;
  /** How long the entry lives, in milliseconds from its `created`; undefined: as long as the bucket says. */
  readonly ttl: number | undefined;
}

/** Operations that take effect together or not at all, in order, each seeing those before it: one for a plain write. */
export type Unit = readonly Write[];

/** Why a unit was refused, wholly; `operation` is the index of the operation that failed. */
export type Refusal =
  | {
      /** The condition does not hold. */
      readonly refused: "condition";
      readonly operation: number;
      /** The newest kept revision of the key, 0 when it has no entry, undefined where the storage cannot tell. */
      readonly actual: number | undefined;
    }
  | {
      /** The value is longer than the bucket's `maxValueSize` (rule B9). */
      readonly refused: "value-too-large";
      readonly operation: number;
      readonly limit: number;
    }
  | {
      /** The bucket has no `limitMarkerTtl`, so that an entry can have no `ttl` (rule T3). */
      readonly refused: "ttl-not-enabled";
      readonly operation: number;
    }
  | {
      /** The bucket would grow beyond its `maxBytes` (rule B10). */
      readonly refused: "bucket-full";
      readonly limit: number;
    }
  | {
      /** The storage has no room for the value, while other units of the commit may need none. */
      readonly refused: "storage-full";
      readonly operation: number;
    };

/** What became of a unit: one revision per operation (for a check the one found, 0 for none), or why not. */
export type Outcome = readonly number[] | Refusal;
