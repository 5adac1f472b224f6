import { createInterface } from "node:readline/promises";
import { exitCode } from "./exit-code.ts";
import { CommandError } from "./failure.ts";
import { interrupt } from "./interruption.ts";
import type { Session } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Asks before something is done that cannot be undone.
 *
 * @throws UsageError where nobody can answer; CommandError when the answer is no, or none
 */
export async function confirm(session: Session, question: string, isForced: boolean): Promise<void> {
  if (isForced) return;
  if (!process.stdin.isTTY) throw new UsageError(`${question} Say so with --force, nobody can be asked here`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // While it listens to the terminal, Ctrl-C is no signal.
  terminal.on("SIGINT", interrupt);
  const unanswered = new AbortController();
  terminal.once("close", () => unanswered.abort());
  try {
    const signal = AbortSignal.any([session.signal, unanswered.signal]);
    const answer = await terminal.question(`${question} (y/N) `, { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw refused();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw session.signal.aborted ? session.signal.reason : refused();
  } finally {
    terminal.close();
  }
}

function refused(): CommandError {
  return new CommandError(exitCode.failed, "nothing was done");
}
