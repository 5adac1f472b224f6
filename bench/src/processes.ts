import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";

/** Starts a module in a process of its own, which can collect its garbage when it likes. */
export function start(module: URL, task: unknown): ChildProcess {
  return fork(module, [JSON.stringify(task)], { execArgv: [...process.execArgv, "--expose-gc"] });
}

/** What the process that started this one has given it to do. */
export function givenTask(): unknown {
  return JSON.parse(process.argv[2] ?? "null");
}

/** The next message of a process; rejects when the process ends without one. */
export async function answerOf(child: ChildProcess): Promise<unknown> {
  const settled = new AbortController();
  const { signal } = settled;
  const ended = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`a process of the benchmark ended with ${String(code)}`);
  });
  try {
    const [message] = await Promise.race([once(child, "message", { signal }), ended]);
    return message;
  } finally {
    settled.abort();
  }
}

/** Runs a module that sends one message; resolves to it when the process is gone. */
export async function answerFrom(module: URL, task: unknown): Promise<unknown> {
  const child = start(module, task);
  const gone = once(child, "exit");
  const answer = await answerOf(child);
  await gone;
  return answer;
}

/** Answers the process that started this one. */
export function answer(message: unknown): void {
  process.send?.(message);
}
