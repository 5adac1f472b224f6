/**
 * Starts a call that returns an iterable: its arguments are read now, and what is wrong with them is said at the first
 * `next()` (rule E1).
 */
export function checkedNow<T>(start: () => AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
  try {
    return start();
  } catch (error) {
    return failing(error);
  }
}

// biome-ignore lint/correctness/useYield: it fails before it could give anything.
async function* failing(error: unknown): AsyncGenerator<never, void, undefined> {
  throw error;
}

/** Gives the items of pages one by one, made into what the caller wants, until the signal is aborted. */
export async function* each<Item, T>(
  pages: AsyncIterable<readonly Item[]>,
  make: (item: Item) => T,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  for await (const items of pages) {
    for (const item of items) {
      yield make(item);
      signal?.throwIfAborted();
    }
  }
}
