/** What a process holds, in bytes. */
export interface Footprint {
  /** JavaScript's heap and what its objects hold outside of it. */
  readonly held: number;
  /** What the operating system has given to the process. */
  readonly resident: number;
}

/** Looks at this process, after all garbage was collected; needs `--expose-gc`. */
export async function footprint(): Promise<Footprint> {
  // Array buffers and what finalizers let go are freed in later turns: a second collection sees them gone.
  for (let times = 0; times < 2; times += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, resident: rss };
}
