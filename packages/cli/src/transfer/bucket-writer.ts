import type { Capabilities, KeyValue, NormalizedConfig, Operation } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { BatchLimits } from "./batches.ts";
import type { TransferEntry } from "./record.ts";

/** In a transaction, or sent at the same time. */
const mostEntries = 500;

/** Bytes in a transaction, or on their way at the same time. */
const mostBytes = 2 ** 20;

/** What a batch is written on: the revision that the key of one of its entries is at; 0: it has none. */
export interface Condition {
  /** The place of the entry in the batch. */
  readonly index: number;
  readonly revision: number;
}

/** The place of the first PUT that is the first entry of its key, on which a batch can be conditional; undefined: there is none. */
export function firstFreshPut(entries: readonly TransferEntry[]): number | undefined {
  const seen = new Set<string>();
  for (const [index, { key, operation }] of entries.entries()) {
    if (operation === "PUT" && !seen.has(key)) return index;
    seen.add(key);
  }
  return undefined;
}

/** Writes entries of another bucket, so that each key gets them in their order. */
export class BucketWriter {
  readonly bucket: KeyValue;
  /** True when a batch is written as a whole or not at all. */
  readonly isAtomic: boolean;
  readonly limits: BatchLimits;
  /** How many values have lost their deadline, because the bucket cannot hold it. */
  deadlinesLost = 0;
  readonly #keepsDeadlines: boolean;

  constructor(bucket: KeyValue, config: NormalizedConfig, capabilities: Capabilities, hasDistinctKeys = false) {
    this.bucket = bucket;
    this.isAtomic = capabilities.transactions;
    this.limits = {
      entries: this.isAtomic ? Math.min(mostEntries, capabilities.maxOperations) : mostEntries,
      bytes: mostBytes,
      hasDistinctKeys: hasDistinctKeys && !this.isAtomic,
    };
    this.#keepsDeadlines = capabilities.perKeyTtl && config.limitMarkerTtl !== undefined;
  }

  /**
   * Writes a batch; resolves to the revisions. Where that is not atomic only its first entry can have the condition, and is
   * written before the others.
   *
   * @throws `REVISION_MISMATCH` when the condition is not met: then nothing was written
   */
  async write(batch: readonly TransferEntry[], condition?: Condition): Promise<number[]> {
    try {
      return await this.#write(batch, condition);
    } catch (error) {
      throw isKeyValueError(error, "VALUE_TOO_LARGE") ? withLargest(error, batch) : error;
    }
  }

  async #write(batch: readonly TransferEntry[], condition: Condition | undefined): Promise<number[]> {
    const operations = batch.map((entry) => this.#operation(entry));
    if (this.isAtomic) return await this.bucket.transaction(onCondition(operations, condition));
    // Writes of one caller to one key keep their order.
    const [first] = operations;
    const revisions: number[] = [];
    if (condition?.index === 0 && first?.op === "put") {
      revisions.push(await this.bucket.update(first.key, first.value, condition.revision, { ttl: first.ttl }));
    }
    const others = operations.slice(revisions.length).map((operation) => this.#writeOne(operation));
    for (const result of await Promise.allSettled(others)) {
      if (result.status === "rejected") throw result.reason;
      revisions.push(result.value);
    }
    return revisions;
  }

  #writeOne(operation: TransferOperation): Promise<number> {
    const { op, key } = operation;
    if (op === "put") return this.bucket.put(key, operation.value, { ttl: operation.ttl });
    if (op === "delete") return this.bucket.delete(key);
    return this.bucket.purge(key, { ttl: operation.ttl });
  }

  #operation({ key, operation, value, expiresAt }: TransferEntry): TransferOperation {
    if (operation === "DEL") return { op: "delete", key };
    // What is due already goes at once, and takes its history along: it would stay as the newest value without it.
    const ttl =
      this.#keepsDeadlines && expiresAt !== undefined ? Math.max(1, expiresAt.getTime() - Date.now()) : undefined;
    if (operation === "PURGE") return { op: "purge", key, ttl };
    if (expiresAt !== undefined && ttl === undefined) this.deadlinesLost += 1;
    return { op: "put", key, value, ttl };
  }
}

/** Tells which value of many it is: if one is too large, the largest is. */
function withLargest(error: KeyValueError, batch: readonly TransferEntry[]): unknown {
  const size = ({ value }: TransferEntry): number => Buffer.byteLength(value);
  const { key, revision } = batch.reduce((largest, entry) => (size(entry) > size(largest) ? entry : largest));
  return new KeyValueError(error.code, `${key}, revision ${revision}: ${error.message}`, { cause: error });
}

function onCondition(operations: readonly TransferOperation[], condition: Condition | undefined): readonly Operation[] {
  if (condition === undefined) return operations;
  return operations.map((operation, index) => {
    if (index !== condition.index) return operation;
    const conditional = { ...operation, lastRevision: condition.revision };
    return conditional.op === "put" ? { ...conditional, op: "update" as const } : conditional;
  });
}

type TransferOperation = Extract<Operation, { readonly op: "put" | "delete" | "purge" }>;
