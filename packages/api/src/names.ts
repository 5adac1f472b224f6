import { KeyValueError } from "./errors.ts";

/** The longest bucket name, in characters (rule B5). */
export const maxBucketNameLength = 128;

/** The longest key or filter, in characters (rule B5). */
export const maxKeyLength = 1024;

const bucketName = /^[a-zA-Z0-9_-]+$/;

/**
 * Checks the name of a bucket: `^[a-zA-Z0-9_-]+$`, at most 128 characters (rules B1, B5).
 *
 * @throws `INVALID_BUCKET_NAME`
 */
export function checkBucketName(name: unknown): asserts name is string {
  if (typeof name !== "string" || !bucketName.test(name) || name.length > maxBucketNameLength) {
    throw new KeyValueError(
      "INVALID_BUCKET_NAME",
      `a bucket name has 1 to ${maxBucketNameLength} of the characters a-z A-Z 0-9 _ -, not ${shown(name)}`,
    );
  }
}

const dot = 46;

/** By character code: 1 where the character may stand in a key. */
const keyCharacters = new Uint8Array(128);
for (const character of "-/_=.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
  keyCharacters[character.charCodeAt(0)] = 1;
}

/**
 * Tells whether a value is a key: tokens of `-/_=a-zA-Z0-9` joined by single dots, at most 1,024 characters (rules K1,
 * B5).
 */
export function isKey(key: unknown): key is string {
  if (typeof key !== "string") return false;
  const length = key.length;
  if (length === 0 || length > maxKeyLength) return false;
  let previous = dot;
  for (let index = 0; index < length; index += 1) {
    const code = key.charCodeAt(index);
    if (code > 127 || keyCharacters[code] === 0) return false;
    if (code === dot && previous === dot) return false;
    previous = code;
  }
  return previous !== dot;
}

/**
 * Checks a key (rule K1).
 *
 * @throws `INVALID_KEY`
 */
export function checkKey(key: unknown): asserts key is string {
  if (!isKey(key)) throw invalidKey("key", key);
}

/** The error for what is no key or no filter. */
export function invalidKey(what: "key" | "filter", value: unknown): KeyValueError {
  const tokens = `a ${what} is tokens of a-z A-Z 0-9 - _ / = joined by single dots, 1 to ${maxKeyLength} characters`;
  const wild = what === "filter" ? "; a token may be *, the last one >" : "";
  return new KeyValueError("INVALID_KEY", `${shown(value)} is no ${what}: ${tokens}${wild}`);
}

/** A bad argument as it may stand in a message: bounded, and never the whole of somebody's data. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

/** Tells whether a value is an object as literals make it, in this realm or another: all that it says is its own. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
