/** Why work ends early: Ctrl-C or SIGTERM, or a reader of the output that has gone. */
export class Interruption extends Error {
  readonly kind: "signal" | "broken-pipe";

  constructor(kind: Interruption["kind"]) {
    super(kind === "signal" ? "interrupted" : "nobody reads the output any more");
    this.kind = kind;
  }
}

/**
 * A signal that is aborted with an {@link Interruption}. What is in flight then comes to its end; with a second Ctrl-C
 * the process ends at once.
 */
export function listenForInterruptions(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Interruption("signal"));
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      controller.abort(new Interruption("broken-pipe"));
    });
  }
  return controller.signal;
}
