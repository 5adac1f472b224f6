/** Every code that a {@link KeyValueError} can carry (rule E). Codes may be added, never renamed; messages may change. */
export type KeyValueErrorCode =
  | "INVALID_BUCKET_NAME"
  | "INVALID_KEY"
  | "INVALID_CONFIG"
  | "INVALID_ARGUMENT"
  | "BUCKET_NOT_FOUND"
  | "BUCKET_EXISTS"
  | "KEY_EXISTS"
  | "REVISION_MISMATCH"
  | "VALUE_TOO_LARGE"
  | "BUCKET_FULL"
  | "REVISION_COMPACTED"
  | "HISTORY_LOST"
  | "UNSUPPORTED"
  | "UNAVAILABLE"
  | "OUTCOME_UNKNOWN"
  | "TIMEOUT"
  | "CLOSED"
  | "STORAGE_FULL"
  | "PERMISSION_DENIED"
  | "READ_ONLY"
  | "INCOMPATIBLE_STORAGE"
  | "INTERNAL";

/** The codes whose errors carry data, with the class that carries it. */
interface ErrorClasses {
  KEY_EXISTS: KeyExistsError;
  REVISION_MISMATCH: RevisionMismatchError;
  REVISION_COMPACTED: RevisionCompactedError;
}

/** The error class that belongs to a code: what {@link isKeyValueError} narrows to. */
export type KeyValueErrorOf<Code extends KeyValueErrorCode> = Code extends keyof ErrorClasses
  ? ErrorClasses[Code]
  : KeyValueError & { readonly code: Code };

/** Marks our errors across copies of this package, where `instanceof` fails. */
const brand: symbol = Symbol.for("revkv.KeyValueError");

/**
 * The one error class of every adapter: act on {@link KeyValueError.code}, not on the message (rule E1).
 *
 * @example
 * ```ts
 * import { isKeyValueError } from "@revkv/api";
 *
 * try {
 *   await kv.create("job.1", "mine");
 * } catch (error) {
 *   if (!isKeyValueError(error, "KEY_EXISTS")) throw error;
 *   console.log(`taken at revision ${error.revision}`);
 * }
 * ```
 */
export class KeyValueError extends Error {
  /** What went wrong, stable across versions. */
  readonly code: KeyValueErrorCode;

  constructor(code: KeyValueErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }

  static {
    KeyValueError.prototype.name = "KeyValueError";
  }
}

/** A `create` of a key that is live (rule O3). */
export class KeyExistsError extends KeyValueError {
  declare readonly code: "KEY_EXISTS";
  /** The key that is live. */
  readonly key: string;
  /** The revision of its live entry. */
  readonly revision: number;

  constructor(key: string, revision: number, options?: ErrorOptions) {
    super("KEY_EXISTS", `key "${key}" exists at revision ${revision}`, options);
    this.key = key;
    this.revision = revision;
  }
}

/** A compare-and-set whose expected revision is not the key's (rules O4, O5, O10). */
export class RevisionMismatchError extends KeyValueError {
  declare readonly code: "REVISION_MISMATCH";
  /** The key whose revision was compared. */
  readonly key: string;
  /** The revision that the caller expected; 0 for "no entry", `null` for a check that expected "not live". */
  readonly expected: number | null;
  /** The revision found; 0 when the key has no entry, undefined only where the store cannot tell. */
  readonly actual: number | undefined;

  constructor(key: string, expected: number | null, actual: number | undefined, options?: ErrorOptions) {
    super(
      "REVISION_MISMATCH",
      `key "${key}" is at revision ${actual ?? "(unknown)"}, expected ${expected ?? "none that is live"}`,
      options,
    );
    this.key = key;
    this.expected = expected;
    this.actual = actual;
  }
}

/** A watcher whose next revision may have been a deletion that is no longer kept (rule W13). */
export class RevisionCompactedError extends KeyValueError {
  declare readonly code: "REVISION_COMPACTED";
  /** The highest revision of a marker that was removed for good. */
  readonly compactedTo: number;

  constructor(requested: number, compactedTo: number, options?: ErrorOptions) {
    super("REVISION_COMPACTED", `revision ${requested} is compacted: deletions up to ${compactedTo} are gone`, options);
    this.compactedTo = compactedTo;
  }
}

/**
 * Tells whether a caught value is an error of revkv, and of one code if given; narrows also across two copies of this
 * package (rule E).
 *
 * @example
 * ```ts
 * import { isKeyValueError, KeyValueError } from "@revkv/api";
 *
 * const error: unknown = new KeyValueError("TIMEOUT", "no answer within 5000 ms");
 * console.log(isKeyValueError(error), isKeyValueError(error, "TIMEOUT"), isKeyValueError(error, "CLOSED"));
 * ```
 */
export function isKeyValueError(error: unknown): error is KeyValueError;
export function isKeyValueError<Code extends KeyValueErrorCode>(
  error: unknown,
  code: Code,
): error is KeyValueErrorOf<Code>;
export function isKeyValueError(error: unknown, code?: KeyValueErrorCode): boolean {
  return (
    error instanceof Error &&
    brand in error &&
    (code === undefined || (error as { readonly code?: unknown }).code === code)
  );
}
