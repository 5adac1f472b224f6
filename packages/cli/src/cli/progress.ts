import { styleText } from "node:util";

/** Tells how far a long work has come. */
export interface Progress extends Disposable {
  advance(count: number): void;
}

/** A bar on standard error, where somebody looks on. */
export async function startProgress(what: string, total: number): Promise<Progress> {
  if (!process.stderr.isTTY) return { advance: () => {}, [Symbol.dispose]: () => {} };
  const { SingleBar, Presets } = await import("cli-progress");
  const title = process.env["NO_COLOR"] ? what : styleText("bold", what, { stream: process.stderr });
  const bar = new SingleBar(
    {
      format: `${title} {bar} {value} of {total} entries, {duration_formatted}`,
      clearOnComplete: true,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    advance: (count) => {
      bar.increment(count);
      // More than there was to begin with was written meanwhile.
      if (bar.getProgress() > 1) bar.setTotal(bar.getTotal() + count);
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}
