/** Sets a value, whatever the key holds. */
export interface PutOperation {
  readonly op: "put";
  readonly key: string;
  readonly value: Uint8Array | string;
  /** How long the entry lives, in milliseconds (rule T3). */
  readonly ttl?: number | undefined;
}

/** Sets a value if the key is not live (rule O3). */
export interface CreateOperation {
  readonly op: "create";
  readonly key: string;
  readonly value: Uint8Array | string;
  /** How long the entry lives, in milliseconds (rule T3). */
  readonly ttl?: number | undefined;
}

/** Sets a value if the key's newest revision is the given one (rule O4). */
export interface UpdateOperation {
  readonly op: "update";
  readonly key: string;
  readonly value: Uint8Array | string;
  /** The revision that the key must be at; 0: it must have no entry. */
  readonly lastRevision: number;
  /** How long the entry lives, in milliseconds (rule T3). */
  readonly ttl?: number | undefined;
}

/** Appends a DEL marker (rule M5). */
export interface DeleteOperation {
  readonly op: "delete";
  readonly key: string;
  /** The revision that the key must be at, if the delete is conditional (rule O5). */
  readonly lastRevision?: number;
}

/** Appends a PURGE marker and removes every older entry of the key (rule M5). */
export interface PurgeOperation {
  readonly op: "purge";
  readonly key: string;
  /** The revision that the key must be at, if the purge is conditional (rule O5). */
  readonly lastRevision?: number;
  /** How long the marker lives, in milliseconds (rule T3). */
  readonly ttl?: number | undefined;
}

/** Writes nothing; holds only if the key's newest revision is the given one, or with null if it is not live (rule O10). */
export interface CheckOperation {
  readonly op: "check";
  readonly key: string;
  /** The revision that the key must be at; null: the key must not be live. */
  readonly lastRevision: number | null;
}

/** One step of a transaction (rule O10). */
export type Operation =
  | PutOperation
  | CreateOperation
  | UpdateOperation
  | DeleteOperation
  | PurgeOperation
  | CheckOperation;
