import { setTimeout } from "node:timers/promises";

/** Milliseconds. */
const deadline = 60_000;

/** Asks a server again and again until it is as far; a question that fails counts as no. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + deadline;
  for (;;) {
    let cause: unknown;
    try {
      if (await isSo()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`after ${deadline} ms still not so: ${what}`, { cause });
    await setTimeout(20);
  }
}
