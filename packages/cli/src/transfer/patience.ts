import { setTimeout as delay } from "node:timers/promises";
import { isKeyValueError } from "@revkv/api";

/** How long to wait for a store that is away, in milliseconds: at first, and at most. */
const [firstWait, longestWait] = [250, 10_000];

/** Who waits for a store that is away, and until when. */
export interface Patience {
  readonly signal: AbortSignal;
  /** Called each time that it is tried again. */
  readonly onRetry: (error: unknown) => void;
}

/**
 * Tries something that may be tried twice until the store is there.
 *
 * @throws what does not pass; an `AbortError` when the signal is aborted in the midst of waiting
 */
export async function patiently<T>(attempt: () => Promise<T>, { signal, onRetry }: Patience): Promise<T> {
  for (let wait = firstWait; ; wait = Math.min(wait * 2, longestWait)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      onRetry(error);
      await delay(wait, undefined, { signal });
    }
  }
}

/** Tells whether it may be better in a moment. */
export function isPassing(error: unknown): boolean {
  return (
    isKeyValueError(error, "UNAVAILABLE") ||
    isKeyValueError(error, "TIMEOUT") ||
    isKeyValueError(error, "OUTCOME_UNKNOWN")
  );
}
