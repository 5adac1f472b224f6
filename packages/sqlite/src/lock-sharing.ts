import { closeSync, existsSync, openSync, realpathSync, rmSync } from "node:fs";

/** The longest pause between two tries to take a lock, in milliseconds. */
export const longestPause = 3;

/** How long a lock is waited for before whoever takes it again and again is asked to leave it, in milliseconds. */
const patience = 20;

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

/** Who waits in this process, by the name of the request: each is a connection of its own. */
const waiting: Map<string, Set<() => void>> = new Map();

/**
 * Sees to it that a process that writes without a pause leaves others a moment to write in: it would hold the lock for
 * all but some microseconds in between, which those who try now and then can miss for long. Who waits asks by a file
 * beside the database, and who leaves the lock removes it; where it cannot be made, chance has to do. A request that
 * nobody has withdrawn, since its process was killed, costs one gap; one that cannot be removed, a gap after each run.
 */
export class LockSharing {
  readonly #request: string;
  /** Since when the lock has been taken again and again, and when it was given back last. */
  #since = 0;
  #ended = Number.NEGATIVE_INFINITY;
  /** Until when the lock is left to others. */
  #leftUntil = 0;

  /** For all who have the same file open, by whatever path. */
  constructor(file: string) {
    this.#request = `${realPath(file)}-wait`;
  }

  /** For how long to leave the lock before it is taken again, in milliseconds: 0 unless others have asked. */
  toLeave(now: number): number {
    if (now < this.#leftUntil) return this.#leftUntil - now;
    if (now - this.#ended > longestPause || now - this.#since < longestRun) return 0;
    this.#since = now;
    if (!this.#isRequested()) return 0;
    this.#leftUntil = now + gap;
    return gap;
  }

  /** Takes note of when the lock was held. It is free at this moment: others of this process try at once. */
  held(from: number, to: number): void {
    if (from - this.#ended > longestPause) this.#since = from;
    this.#ended = to;
    for (const tryNow of waiting.get(this.#request) ?? []) tryNow();
  }

  /** Calls back when this process has just given the lock back; returns what ends that. */
  onHeld(tryNow: () => void): () => void {
    const others = waiting.get(this.#request) ?? new Set();
    waiting.set(this.#request, others);
    others.add(tryNow);
    return () => {
      others.delete(tryNow);
      if (others.size === 0) waiting.delete(this.#request);
    };
  }

  /** Asks for the lock if it has been waited for long enough; tells whether it did. */
  ask(waited: number): boolean {
    if (waited < patience) return false;
    try {
      // It may have been answered by leaving the lock, which somebody else then took.
      if (!existsSync(this.#request)) closeSync(openSync(this.#request, "wx"));
    } catch {
      // The directory may be one that only others may write to.
    }
    return true;
  }

  /** Takes a request back; others who wait make it again. */
  withdraw(): void {
    try {
      rmSync(this.#request, { force: true });
    } catch {
      // It costs those who write a gap now and then.
    }
  }

  #isRequested(): boolean {
    if (!existsSync(this.#request)) return false;
    this.withdraw();
    return true;
  }
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

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
