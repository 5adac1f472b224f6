import { randomUUID } from "node:crypto";
import { lstatSync, lutimesSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";

/** The longest pause between two tries to take a lock, in milliseconds. */
export const longestPause = 3;

/** How long a lock is waited for before it is asked for, in milliseconds. */
const patience = 20;

/** A request that was not confirmed for longer than this, in milliseconds, is no longer heeded: its process is busy, or dead. */
const validity = 50;

/** For how long the lock is taken again and again before a look at whether others have asked, in milliseconds. */
const longestRun = 50;

/** For how long it is left then, in milliseconds: those who wait try meanwhile. */
const gap = longestPause + 2;

/**
 * A write that has waited for longer than this while others wrote, in milliseconds, is tried more persistently: for a
 * twentieth of the wait, but not too long, the process does nothing else.
 */
const passedBy = 100;
const longestInsistence = 10;

/** Between two tries without a turn of the event loop, in milliseconds. */
const shortPause = 0.1;

/** What a request says: since when its owner has waited, and who that is. */
const form = /^(\d+) ([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;

/** The files that this process writes to, by their paths. */
const ofFiles: Map<string, WeakRef<LockSharing>> = new Map();
const unused: FinalizationRegistry<string> = new FinalizationRegistry((path) => {
  if (ofFiles.get(path)?.deref() === undefined) ofFiles.delete(path);
});

/** A write that waits for the lock. */
export interface Waiter {
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
  /** Called when this process has just given the lock back. */
  tryNow?: (() => void) | undefined;
}

/**
 * What asks for the lock: a symbolic link beside the database, which leads nowhere and says who has waited for the
 * longest. A link is there with all that it says, or not at all, whenever its process is killed. Whatever else has the
 * name is somebody else's: it is no request, and is neither changed nor removed.
 */
interface Request {
  /** Identifies the process. */
  readonly owner: string;
  /** Since when it has waited, in milliseconds since 1970. */
  readonly since: number;
  /** When it was confirmed last, in milliseconds since 1970. */
  readonly confirmed: number;
}

/**
 * How the processes that write to a file share its lock; one for all connections that this process has to the file.
 *
 * SQLite gives the lock to whoever comes first. A process that writes without a pause holds it for all but some
 * microseconds in between, which those who try now and then can miss for long; and of several who wait, chance decides
 * how long each does. So who has waited for the longest asks for the lock, by a link beside the database. Who writes
 * without a pause leaves the lock now and then while there is a request, the others who wait leave it to its owner, and
 * the owner removes it when it has had the lock. Where it cannot be made, or its name is taken, chance has to do.
 */
export class LockSharing {
  readonly #path: string;
  readonly #owner: string = randomUUID();
  readonly #waiters: Set<Waiter> = new Set();
  /** True when the request may be ours. */
  #asked = false;
  /** Since when the lock has been taken again and again, and when it was given back last. */
  #runningSince = 0;
  #ended = Number.NEGATIVE_INFINITY;
  /** Until when the lock is left to others. */
  #leftUntil = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /** The one of the file that is at a place. */
  static of(location: string): LockSharing {
    const path = `${location}-wait`;
    const known = ofFiles.get(path)?.deref();
    if (known !== undefined) return known;
    const sharing = new LockSharing(path);
    ofFiles.set(path, new WeakRef(sharing));
    unused.register(sharing, path);
    return sharing;
  }

  /** Tells whether to leave the lock before it is taken again, since others have asked for it. */
  isLeft(now: number): boolean {
    if (now < this.#leftUntil) return true;
    if (now - this.#ended > longestPause || now - this.#runningSince < longestRun) return false;
    this.#runningSince = now;
    if (!this.#isAskedByOthers()) return false;
    this.#leftUntil = now + gap;
    return true;
  }

  /** Takes note of when the lock was held. It is free at this moment: others of this process try at once. */
  held(from: number, to: number): void {
    if (from - this.#ended > longestPause) this.#runningSince = from;
    this.#ended = to;
    if (this.#asked) this.#withdraw();
    for (const { tryNow } of this.#waiters) tryNow?.();
  }

  /** Joins those who wait. */
  join(): Waiter {
    const waiter: Waiter = { since: Date.now() };
    this.#waiters.add(waiter);
    return waiter;
  }

  /** Takes back what {@link join} did. */
  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#asked && this.#waiters.size === 0) this.#withdraw();
  }

  /**
   * Tells whether a write that waits may try, and asks for the lock if it has waited for long enough: not while others
   * are to have it, of this process' writes or of those who have waited for longer.
   */
  isTurn(now: number): boolean {
    if (this.isLeft(now)) return false;
    // Who waits in this process has a part in what it has of the lock before it is left to others.
    if (now - this.#ended <= longestPause) return true;
    // Of the waiters, in the order in which they came, the first.
    const [{ since } = { since: Number.POSITIVE_INFINITY }] = this.#waiters;
    const request = this.#request();
    this.#asked = request?.owner === this.#owner;
    if (this.#asked) {
      this.#confirm();
    } else {
      if (request !== undefined && isValid(request) && request.since <= since) return false;
      if (request !== undefined) this.#remove();
      if (Date.now() - since >= patience) this.#ask(since);
    }
    return true;
  }

  /** Removes a request whose owner was killed. */
  tidy(): void {
    const request = this.#request();
    if (request !== undefined && !isValid(request)) this.#remove();
  }

  #isAskedByOthers(): boolean {
    const request = this.#request();
    return request !== undefined && request.owner !== this.#owner && isValid(request);
  }

  #request(): Request | undefined {
    try {
      const stats = lstatSync(this.#path, { throwIfNoEntry: false });
      if (stats === undefined || !stats.isSymbolicLink()) return undefined;
      const [, since, owner] = form.exec(readlinkSync(this.#path)) ?? [];
      return owner === undefined ? undefined : { owner, since: Number(since), confirmed: stats.mtimeMs };
    } catch {
      // Somebody has just removed it.
      return undefined;
    }
  }

  #ask(since: number): void {
    try {
      symlinkSync(`${since} ${this.#owner}`, this.#path);
      this.#asked = true;
    } catch {
      // The name is taken, or links cannot be made here: the directory may be one that only others may write to.
    }
  }

  #confirm(): void {
    try {
      lutimesSync(this.#path, Date.now() / 1000, Date.now() / 1000);
    } catch {
      // Somebody has just removed it.
    }
  }

  #withdraw(): void {
    this.#asked = false;
    if (this.#request()?.owner === this.#owner) this.#remove();
  }

  /** Removes the request. Should it be a newer one by now, its owner makes it again. */
  #remove(): void {
    try {
      unlinkSync(this.#path);
    } catch {
      // Somebody else has just removed it; if it stays, it is not heeded when it is no longer confirmed.
    }
  }
}

/** Tells whether the owner of a request still waits; the clock may have been set back since. */
function isValid({ confirmed }: Request): boolean {
  return Math.abs(Date.now() - confirmed) < validity;
}

/** When a step of this process was last insisted on. */
let lastInsistence = Number.NEGATIVE_INFINITY;

/**
 * For how long to try again and again without a turn of the event loop, in milliseconds. Else a process that is busy, and
 * comes to try only now and then, would be passed by by all who have nothing else to do than to try. One step of the
 * process at a time, and for a third of the time at the most: when it has the lock the others that wait soon have it too.
 */
export function insistence(waited: number, now: number): number {
  if (waited < passedBy || now - lastInsistence < 3 * longestInsistence) return 0;
  lastInsistence = now;
  return Math.min(longestInsistence, waited / 20);
}

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));

/** Holds up the process for a moment, in which others can use the processor. */
export function holdStill(): void {
  Atomics.wait(nobodyWakes, 0, 0, shortPause);
}
