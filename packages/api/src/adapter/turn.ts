/** How long steps may follow each other before others get a turn, in milliseconds. */
const allowance = 2;

/** When the first step since the last turn of the event loop began; undefined when there was none. */
let since: number | undefined;

/**
 * Tells whether this process has worked so long without a turn of its event loop that the step at hand should wait for
 * {@link nextTurn}: a loop that awaits one synchronous step after the other would else keep timers, sockets and other
 * loops waiting until its end.
 */
export function isTurnUsedUp(): boolean {
  const now = performance.now();
  if (since === undefined) {
    since = now;
    setImmediate(() => {
      since = undefined;
    });
  }
  return now - since > allowance;
}

/** Resolves when the event loop has turned. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
