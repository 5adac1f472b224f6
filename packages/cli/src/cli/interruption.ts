import { exitCode } from "./exit-code.ts";

/** Why work ends early: Ctrl-C or SIGTERM, a reader of the output that has gone, or an output that takes no more. */
export class Interruption extends Error {
  readonly kind: "signal" | "broken-pipe" | "failed-output";

  constructor(kind: Interruption["kind"]) {
    super(`interrupted: ${kind}`);
    this.kind = kind;
  }
}

const controller = new AbortController();

/** Aborted with an {@link Interruption}. What is in flight then comes to its end. */
export const interruption: AbortSignal = controller.signal;

/** Does what Ctrl-C does; the second time the process ends at once. */
export function interrupt(): void {
  if (interruption.aborted) process.exit(exitCode.interrupted);
  controller.abort(new Interruption("signal"));
}

/** Aborts {@link interruption} when it is time. */
export function listenForInterruptions(): void {
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return controller.abort(new Interruption("broken-pipe"));
    process.exitCode = exitCode.failed;
    process.stderr.write(`revkv: the output cannot be written: ${error.message}\n`);
    controller.abort(new Interruption("failed-output"));
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    // What cannot be told is left untold: the exit code tells.
    if (error.code === "EPIPE") controller.abort(new Interruption("broken-pipe"));
  });
}
