import { KeyValueError } from "@revkv/api";
import type { Awaitable, Call } from "@revkv/api/adapter";
import { isTurnUsedUp, nextTurn } from "@revkv/api/adapter";
import type { Driver, Statement } from "./driver.ts";
import type { FileIdentity } from "./file-identity.ts";
import type { Waiter } from "./lock-sharing.ts";
import { holdStill, insistence, LockSharing, longestPause } from "./lock-sharing.ts";

/**
 * One connection: steps that are carried out at once, unless a lock is in the way or the event loop is due a turn; and
 * the statements that all buckets share.
 */
export class Connection {
  readonly driver: Driver;
  readonly #readOnly: boolean;
  readonly #file: FileIdentity | undefined;
  readonly #sharing: LockSharing | undefined;
  /** True when the application has its library wait for locks, and reads or writes meet any. */
  readonly #readsWait: boolean;
  readonly #writesWait: boolean;
  readonly #begin: Statement;
  readonly #beginImmediate: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #dataVersion: Statement;

  /** `file`: the one that has to be there for every step. */
  constructor(
    driver: Driver,
    { readOnly = false, file }: { readOnly?: boolean; file?: FileIdentity | undefined } = {},
  ) {
    this.driver = driver;
    this.#readOnly = readOnly;
    this.#file = file;
    this.#sharing = readOnly || file === undefined ? undefined : LockSharing.of(file.location);
    this.#writesWait = file !== undefined && busyTimeout(driver) > 0;
    this.#readsWait = this.#writesWait && driver.query("PRAGMA journal_mode").get()?.[0] !== "wal";
    this.#begin = driver.command("BEGIN");
    this.#beginImmediate = driver.command("BEGIN IMMEDIATE");
    this.#commit = driver.command("COMMIT");
    this.#rollback = driver.command("ROLLBACK");
    this.#dataVersion = driver.query("PRAGMA data_version");
  }

  /** Reads by one statement. Reads find the database locked for moments of recovery only. */
  ask<T>(call: Call, step: () => T): Awaitable<T> {
    return this.#unlessBusy(call, this.#readsWait, step);
  }

  /** Reads by several statements, all as of one moment. */
  read<T>(call: Call, step: () => T): Awaitable<T> {
    return this.#unlessBusy(call, this.#readsWait, () => {
      // Within a transaction of the application everything is as of one moment anyway.
      if (this.driver.inTransaction) return step();
      this.#begin.run();
      return this.#finish(step);
    });
  }

  /**
   * Carries out a step that writes, exclusively and durably. While others write, or the application has a transaction
   * open on its Database, it waits, and is then begun afresh.
   *
   * @throws `TIMEOUT` when the call is over before it could begin: nothing was written then; `READ_ONLY`
   */
  write<T>(call: Call, step: () => T): Awaitable<T> {
    // SQLite itself says so only when a step has something to write.
    if (this.#readOnly) throw new KeyValueError("READ_ONLY", "the database was opened for reading");
    const carryOut = (): T => {
      const from = performance.now();
      this.#beginImmediate.run();
      const result = this.#finish(step);
      this.#sharing?.held(from, performance.now());
      return result;
    };
    return this.#unlessBusy(call, this.#writesWait, carryOut, this.#sharing);
  }

  /** Removes what a process that was killed while it waited for the lock has left beside the file. */
  tidy(): void {
    this.#sharing?.tidy();
  }

  /** Changes with every commit of another connection. */
  dataVersion(): number {
    this.#file?.check();
    return this.#dataVersion.get()?.[0] as number;
  }

  /** Tells whether an error says that a lock was in the way. */
  isBusy(error: unknown): boolean {
    const result = this.driver.resultOf(error);
    if (result === undefined) return false;
    if (result === "ERROR") return this.driver.inTransaction && isNested(error);
    return result.startsWith("BUSY") || result.startsWith("LOCKED") || result === "PROTOCOL";
  }

  #unlessBusy<T>(call: Call, waits: boolean, step: () => T, sharing?: LockSharing): Awaitable<T> {
    const carryOut = (): T => {
      this.#file?.check();
      return waits ? this.#withoutWaiting(step) : step();
    };
    if (sharing?.isLeft(performance.now())) return this.#retry(call, carryOut, sharing);
    return isTurnUsedUp() ? this.#attemptLater(call, carryOut, sharing) : this.#attempt(call, carryOut, sharing);
  }

  async #attemptLater<T>(call: Call, step: () => T, sharing: LockSharing | undefined): Promise<T> {
    // Whoever has waited is not asked to wait again: a busy loop beside it would take every turn before it.
    await nextTurn();
    return await this.#attempt(call, step, sharing);
  }

  #attempt<T>(call: Call, step: () => T, sharing: LockSharing | undefined): Awaitable<T> {
    const done = this.#tried(step);
    return done === undefined ? this.#retry(call, step, sharing) : done.result;
  }

  /** Tries again and again, at random times so that several processes do not meet at the same moment each time. */
  async #retry<T>(call: Call, step: () => T, sharing: LockSharing | undefined): Promise<T> {
    const began = performance.now();
    let place = sharing?.join();
    try {
      for (let seen: unknown; ; ) {
        await pause(call, Math.random() * longestPause, place);
        if (call.signal.aborted) throw this.#lateError();
        // While the application itself is in the way, the lock is not waited for: nobody else is to leave it.
        const isOccupied = this.#occupation() !== undefined;
        if (!isOccupied) {
          place ??= sharing?.join();
        } else if (place !== undefined) {
          sharing?.leave(place);
          place = undefined;
        }
        if (!isOccupied && sharing?.isTurn(performance.now()) === false) continue;
        const done = this.#tried(step);
        if (done !== undefined) return done.result;
        if (isOccupied) continue;
        const now = performance.now();
        const version = this.#tried(() => this.#dataVersion.get()?.[0])?.result;
        const insisted = version === seen ? undefined : this.#insist(step, insistence(now - began, now));
        if (insisted !== undefined) return insisted.result;
        seen = version;
      }
    } finally {
      if (place !== undefined) sharing?.leave(place);
    }
  }

  /** What the application itself does on its Database that is in the way; undefined when nothing is. */
  #occupation(): string | undefined {
    if (this.driver.inTransaction) return "had a transaction open on";
    return this.#tried(() => this.driver.exec("")) === undefined ? "was iterating over rows of" : undefined;
  }

  /** Says what a step waited for that could not begin in time. */
  #lateError(): KeyValueError {
    const occupation = this.#occupation();
    const reason =
      occupation === undefined
        ? "the database was locked all the time"
        : `this waited for the application itself, which ${occupation} its Database`;
    return new KeyValueError("TIMEOUT", reason);
  }

  /** Tries for some time without a turn of the event loop. */
  #insist<T>(step: () => T, ms: number): { readonly result: T } | undefined {
    for (const end = performance.now() + ms; performance.now() < end; ) {
      holdStill();
      const done = this.#tried(step);
      if (done !== undefined) return done;
    }
    return undefined;
  }

  /** Carries out a step; undefined when a lock is in the way. */
  #tried<T>(step: () => T): { readonly result: T } | undefined {
    try {
      return { result: step() };
    } catch (error) {
      if (this.isBusy(error)) return undefined;
      throw error;
    }
  }

  /** The library's own waiting would hold up the process, and go on beyond the deadline (rule E3). */
  #withoutWaiting<T>(step: () => T): T {
    let timeout: number;
    try {
      timeout = busyTimeout(this.driver);
      this.driver.exec("PRAGMA busy_timeout = 0");
    } catch (error) {
      // While the application iterates over rows no setting can be changed, but some reads are possible.
      if (this.isBusy(error)) return step();
      throw error;
    }
    try {
      return step();
    } finally {
      this.driver.exec(`PRAGMA busy_timeout = ${timeout}`);
    }
  }

  #finish<T>(step: () => T): T {
    let result: T;
    try {
      result = step();
    } catch (error) {
      this.#undo();
      throw error;
    }
    try {
      this.#commit.run();
    } catch (error) {
      this.#undo();
      // What was written may be found valid when the file is opened the next time.
      if (!this.driver.resultOf(error)?.startsWith("IOERR")) throw error;
      throw new KeyValueError("OUTCOME_UNKNOWN", "the commit failed, and may have taken effect", { cause: error });
    }
    return result;
  }

  /** SQLite has undone some failures by itself already. */
  #undo(): void {
    if (this.driver.inTransaction) this.#rollback.run();
  }
}

/** How long the library waits for locks by itself, in milliseconds. */
function busyTimeout(driver: Driver): number {
  return driver.query("PRAGMA busy_timeout").get()?.[0] as number;
}

function isNested(error: unknown): boolean {
  return error instanceof Error && error.message.includes("within a transaction");
}

/** Waits for a moment, but not beyond the end of the call, nor when this process has just given the lock back. */
function pause({ signal, isBackground = false }: Call, ms: number, waiter?: Waiter): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      if (waiter !== undefined) waiter.tryNow = undefined;
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (isBackground) timer.unref();
    if (waiter !== undefined) waiter.tryNow = end;
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
