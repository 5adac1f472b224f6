import type { ChildProcess } from "node:child_process";
import type { Comparison, Row } from "./comparison.ts";
import { answerOf, start } from "./processes.ts";
import { Results } from "./results.ts";
import type { Subject } from "./store.ts";

/** How much to measure. */
export interface Effort {
  readonly rounds: number;
  /** Rounds before the first that counts, in which the code is compiled. */
  readonly warmUps: number;
  /** How long a task runs in a round, in milliseconds; slow operations take longer. */
  readonly milliseconds: number;
}

/**
 * Measures every task in rounds: in each, one subject comes after the other, so that whatever else the machine does
 * meets all of them. Each store is in a process of its own, so that none compiles or collects garbage for another.
 */
export async function measureRounds(adapter: string, comparison: Comparison, effort: Effort): Promise<Results> {
  const { rows, subjects } = comparison;
  const workers = new Map<string, ChildProcess>();
  try {
    for (const row of rows) {
      for (const subject of row.only ?? subjects) {
        const id = workerOf(row, subject);
        if (workers.has(id)) continue;
        process.stderr.write(`filling: ${id}\n`);
        const worker = start(new URL("./task-process.ts", import.meta.url), {
          adapter,
          subject: subject.name,
          kind: row.kind,
          variant: row.variant,
          size: row.size,
          valueBytes: comparison.valueBytes,
        });
        workers.set(id, worker);
        await answerOf(worker);
      }
    }
    const results = new Results();
    for (let round = 1 - effort.warmUps; round <= effort.rounds; round += 1) {
      process.stderr.write(round < 1 ? "warming up\n" : `round ${round} of ${effort.rounds}\n`);
      for (const row of rows) {
        for (const subject of row.only ?? subjects) {
          const worker = workers.get(workerOf(row, subject)) as ChildProcess;
          worker.send({ task: row.task, milliseconds: effort.milliseconds });
          const time = await answerOf(worker);
          if (round > 0 && typeof time === "number") results.add(row, subject.name, time);
        }
      }
    }
    return results;
  } finally {
    for (const worker of workers.values()) worker.kill();
  }
}

function workerOf({ kind, size, variant = "" }: Row, { name }: Subject): string {
  return `${name}, ${size} keys, ${kind} ${variant}`;
}
