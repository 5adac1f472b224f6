import type { Command } from "commander";
import { exitCode } from "./exit-code.ts";
import { describeError, exitCodeOf } from "./failure.ts";
import { Interruption, interruption } from "./interruption.ts";
import type { GlobalOptions } from "./session.ts";
import { Session } from "./session.ts";

/** What a verb does; the exit code when it is none of 0. */
export type Action<Arguments extends unknown[]> = (session: Session, ...args: Arguments) => Promise<void>;

/**
 * Makes an action of commander from one that has a session: what it throws becomes a line on standard error and an exit
 * code, and what it has opened is closed.
 */
export function verb<Arguments extends unknown[]>(
  command: Command,
  action: Action<Arguments>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    try {
      await using session = new Session(command.optsWithGlobals<GlobalOptions>(), interruption);
      await action(session, ...args);
    } catch (error) {
      report(error);
    }
  };
}

function report(error: unknown): void {
  const reason: unknown = interruption.aborted ? interruption.reason : undefined;
  if (reason instanceof Interruption && (error === reason || (error as Error | null)?.name === "AbortError")) {
    if (reason.kind === "signal") process.exitCode = exitCode.interrupted;
    return;
  }
  process.exitCode = exitCodeOf(error);
  process.stderr.write(`revkv: ${describeError(error)}\n`);
}
