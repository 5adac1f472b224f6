import { createInterface } from "node:readline/promises";
import { exitCode } from "./exit-code.ts";
import { CommandError } from "./failure.ts";
import type { Session } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Asks before something is done that cannot be undone.
 *
 * @throws UsageError where nobody can answer; CommandError when the answer is no
 */
export async function confirm(session: Session, question: string, isForced: boolean): Promise<void> {
  if (isForced) return;
  if (!process.stdin.isTTY) throw new UsageError(`${question} Say so with --force, nobody can be asked here`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} (y/N) `, { signal: session.signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError(exitCode.failed, "nothing was done");
  } finally {
    terminal.close();
  }
}
