import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { KeyValueEntry, KeyValueErrorCode, KeyValueErrorOf, KeyWatcher } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { setting } from "./settings.ts";

/**
 * How long a scenario waits for something that must happen before it fails, in milliseconds; the environment variable
 * `REVKV_PATIENCE` sets another time.
 */
export const patience: number = setting("REVKV_PATIENCE") ?? 15_000;

/** The error fields that carry data, for comparison in {@link rejects}. */
type ErrorData<Code extends KeyValueErrorCode> = Partial<Omit<KeyValueErrorOf<Code>, keyof Error | "code">>;

/**
 * Asserts that a call rejects with a `KeyValueError` of this code, and with these data fields if given; resolves to the
 * error. It never waits longer than {@link patience}.
 */
export async function rejects<Code extends KeyValueErrorCode>(
  code: Code,
  call: PromiseLike<unknown>,
  fields?: ErrorData<Code>,
): Promise<KeyValueErrorOf<Code>> {
  const wanted = fields === undefined ? code : `${code} ${JSON.stringify(fields)}`;
  const outcome = await within(`a rejection with ${wanted}`, settled(call));
  if (!("error" in outcome)) assert.fail(`expected a rejection with ${wanted}, but the call resolved`);
  const { error } = outcome;
  if (!isKeyValueError(error, code)) {
    throw new assert.AssertionError({
      message: `expected a KeyValueError with code ${code}, got ${nameOf(error)}`,
      actual: isKeyValueError(error) ? error.code : error,
      expected: code,
    });
  }
  for (const [name, value] of Object.entries(fields ?? {})) {
    const given: unknown = (error as unknown as Record<string, unknown>)[name];
    // A store may be unable to tell which revision it found (rule O4).
    if (code === "REVISION_MISMATCH" && name === "actual" && given === undefined) continue;
    assert.deepEqual(given, value, `${code} carries the right ${name}`);
  }
  return error;
}

/** Asserts that each of these calls rejects with this code; a failure names the call. */
export async function allReject(
  code: KeyValueErrorCode,
  calls: Readonly<Record<string, () => PromiseLike<unknown>>>,
): Promise<void> {
  for (const [name, call] of Object.entries(calls)) await of(name, () => rejects(code, call()));
}

/** Runs an assertion about one case of many; a failure names the case. */
export async function of<T>(what: string, assertion: () => PromiseLike<T>): Promise<T> {
  try {
    return await assertion();
  } catch (cause) {
    throw new Error(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Asserts that a call rejects with exactly this value: what an aborted signal must do (rule E1). */
export async function rejectsWith(reason: unknown, call: PromiseLike<unknown>): Promise<void> {
  const outcome = await within("a rejection with the signal's reason", settled(call));
  if (!("error" in outcome)) assert.fail("expected a rejection with the signal's reason, but the call resolved");
  assert.equal(outcome.error, reason, "the rejection is the signal's reason, untouched");
}

/** Resolves as the promise does, but fails after a deadline with a message that says what was awaited. */
export async function within<T>(what: string, promise: PromiseLike<T>, milliseconds: number = patience): Promise<T> {
  const stopped = new AbortController();
  const deadline = delay(milliseconds, undefined, { signal: stopped.signal }).then(
    () => assert.fail(`waited ${milliseconds} ms in vain for ${what}`),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    stopped.abort();
  }
}

/**
 * Asks again and again until the answer is neither undefined nor false, and resolves to it; for what happens in the
 * background. Fails after a deadline with a message that says what was awaited.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  milliseconds: number = patience,
): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + milliseconds;
  for (;;) {
    const answer = await within(what, Promise.resolve(ask()), milliseconds);
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (performance.now() > end) assert.fail(`waited ${milliseconds} ms in vain for ${what}`);
    await delay(5);
  }
}

/** Reads an iterable to its end. */
export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const all = async (): Promise<T[]> => {
    const items: T[] = [];
    for await (const item of iterable) items.push(item);
    return items;
  };
  return await within("the end of an iteration", all());
}

/** A watcher being read, item by item; every wait has a deadline. */
export interface WatchReader {
  readonly watcher: KeyWatcher;
  /** The next item: an entry, or `null` where the initial set ends. Fails when the watcher has ended. */
  next(): Promise<KeyValueEntry | null>;
  /** The next item, which must be an entry. */
  entry(): Promise<KeyValueEntry>;
  /** The next `count` items. */
  take(count: number): Promise<(KeyValueEntry | null)[]>;
  /** The entries up to `null`, which must come: the initial set. */
  throughNull(): Promise<KeyValueEntry[]>;
  /**
   * The entries up to and including the first for which this holds. Together with a last write as a sentinel it shows
   * what was delivered and what was not, without waiting for nothing to happen.
   */
  until(what: string, isLast: (entry: KeyValueEntry) => boolean): Promise<KeyValueEntry[]>;
  /** Waits for the watcher's end, which must be a normal one, and gives the items that came before it. */
  ended(): Promise<(KeyValueEntry | null)[]>;
  /** Waits until the watcher rejects with this code; items before it are skipped. */
  fails<Code extends KeyValueErrorCode>(code: Code, fields?: ErrorData<Code>): Promise<KeyValueErrorOf<Code>>;
}

/** Begins to read a watcher. */
export function read(watcher: KeyWatcher): WatchReader {
  const items = watcher[Symbol.asyncIterator]();
  const step = (what: string): Promise<IteratorResult<KeyValueEntry | null>> => within(what, items.next());
  const reader: WatchReader = {
    watcher,
    async next() {
      const result = await step("the next item of a watcher");
      if (result.done === true) assert.fail("the watcher ended where another item was expected");
      return result.value;
    },
    async entry() {
      const item = await reader.next();
      assert.ok(item !== null, "expected an entry, got null");
      return item;
    },
    async take(count) {
      const taken: (KeyValueEntry | null)[] = [];
      while (taken.length < count) taken.push(await reader.next());
      return taken;
    },
    async throughNull() {
      const entries: KeyValueEntry[] = [];
      for (let item = await reader.next(); item !== null; item = await reader.next()) entries.push(item);
      return entries;
    },
    async until(what, isLast) {
      const entries: KeyValueEntry[] = [];
      for (;;) {
        const result = await step(`${what}, after ${entries.length} other entries`);
        if (result.done === true) assert.fail(`the watcher ended before ${what}`);
        assert.ok(result.value !== null, `expected ${what}, got null`);
        entries.push(result.value);
        if (isLast(result.value)) return entries;
      }
    },
    async ended() {
      const rest: (KeyValueEntry | null)[] = [];
      for (;;) {
        const result = await step("the end of a watcher");
        if (result.done === true) return rest;
        rest.push(result.value);
      }
    },
    async fails(code, fields) {
      for (;;) {
        const result = await settled(step(`the watcher to fail with ${code}`));
        if ("error" in result) return await rejects(code, Promise.reject(result.error), fields);
        if (result.value.done === true) assert.fail(`the watcher ended normally, expected ${code}`);
      }
    },
  };
  return reader;
}

/** The initial set of a watcher that is then stopped. */
export async function throughNull(watcher: KeyWatcher): Promise<KeyValueEntry[]> {
  const entries = await read(watcher).throughNull();
  await watcher.stop();
  return entries;
}

/** The first items of a watcher that is then stopped. */
export async function take(watcher: KeyWatcher, count: number): Promise<(KeyValueEntry | null)[]> {
  const items = await read(watcher).take(count);
  await watcher.stop();
  return items;
}

/** An item in one line, for comparison and for messages: `3 PUT a=x`, `4 DEL a`, `null`. */
export function brief(item: KeyValueEntry | null | undefined): string {
  if (item === null || item === undefined) return String(item);
  const value = item.operation === "PUT" ? `=${item.string()}` : item.reason === undefined ? "" : ` ${item.reason}`;
  return `${item.revision} ${item.operation} ${item.key}${value}`;
}

/** Text as UTF-8. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** Turns a rejection into a value, so that a deadline around it is told from the rejection itself. */
async function settled<T>(promise: PromiseLike<T>): Promise<Settled<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

function nameOf(error: unknown): string {
  if (isKeyValueError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : `a rejection with ${typeof error}`;
}
