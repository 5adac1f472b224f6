/** What the values of a run are: text as applications write it, or bytes. */
export type Kind = "string" | "bytes";

export type Value = string | Uint8Array;

/**
 * A store as the tasks use it. A wrapper passes each call straight on, with no layer of its own that would be measured:
 * `put` and `get` return the promise of the store itself, or what a store gives that answers at once.
 */
export interface Store {
  /** What stands between the tokens of a key; the stores allow different characters. */
  readonly separator: "." | ":";
  put(key: string, value: Value): unknown;
  get(key: string): unknown;
  /** Puts several values in one step, where the store has a way of its own for that; else they are put concurrently. */
  putTogether?(entries: readonly (readonly [key: string, value: Value])[]): unknown;
  /** The value in what `get` gave. */
  read(answer: unknown): Value;
  /** The keys that begin with this prefix, which ends with a separator. */
  keys?(prefix: string): Promise<readonly string[]>;
  /** Starts one watcher of all keys, live when it resolves; returns what stops it. */
  watch?(onEntry: () => void): Promise<() => unknown>;
}

/** How a store is to be opened. */
export interface Setup {
  readonly kind: Kind;
  /** What a comparison distinguishes besides: a word of its own choice. */
  readonly variant?: string | undefined;
}

/** One of the stores that are compared. */
export interface Subject {
  readonly name: string;
  /** Opens an empty store of its own; see {@link Setup}. */
  open(setup: Setup): Promise<Store>;
}
