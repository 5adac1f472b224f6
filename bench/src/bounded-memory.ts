import { number, table, verdict } from "./markdown.ts";
import { answerFrom } from "./processes.ts";
import { median } from "./results.ts";

const module = new URL("./bounded-process.ts", import.meta.url);

/** What the watcher does, if there is one. */
type Reader = "none" | "reads all" | "never reads";

/** What a process is to do. */
export interface Writing {
  readonly reader: Reader;
  /** How many keys are overwritten. */
  readonly size: number;
  readonly puts: number;
}

/** What a process held while it wrote, in bytes. */
export interface Held {
  /** The most that JavaScript held after a garbage collection. */
  readonly peak: number;
  /** The same after the last put. */
  readonly end: number;
  /** The most that the process had from the system. */
  readonly resident: number;
}

const readers: readonly Reader[] = ["none", "reads all", "never reads"];
const size = 1_000;

/** What two processes that do the same may differ by, in bytes: the code that one has compiled and the other not yet. */
const noise = 2 ** 20;

/** Shows that a watcher that stops reading costs nothing (rule W8); a section in Markdown. */
export async function boundedMemory(quick: boolean): Promise<string> {
  const puts = quick ? 20_000 : 200_000;
  const rounds = quick ? 1 : 3;
  const held = new Map<Reader, Held[]>(readers.map((reader) => [reader, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const reader of readers) {
      process.stderr.write(`bounded memory: watcher ${reader}, ${round} of ${rounds}\n`);
      held.get(reader)?.push((await answerFrom(module, { reader, size, puts })) as Held);
    }
  }
  const medians = (reader: Reader, of: keyof Held): number =>
    median((held.get(reader) ?? []).map((each) => each[of]).sort((a, b) => a - b));
  const megabytes = (bytes: number): string => number(bytes / 2 ** 20);
  const rows = readers.map((reader) => [
    reader === "none" ? "no watcher" : `a watcher that ${reader}`,
    ...(["peak", "end", "resident"] as const).map((of) => megabytes(medians(reader, of))),
  ]);
  const more = medians("never reads", "peak") - medians("reads all", "peak");
  return `### Bounded memory

${number(puts)} puts on ${number(size)} keys, values of about 100 bytes, beside one watcher of all keys: what JavaScript holds
after a garbage collection, Node's own included, looked at 20 times, and the most that the process had from the system.
Medians of ${rounds} runs in processes of their own, in MiB.

${table(["beside", "held at most", "held at the end", "resident at most"], rows)}

Aim: a watcher that never reads costs no more than one that reads (to 1 MiB): ${verdict(more <= noise)}, it held ${megabytes(Math.abs(more))} MiB ${more > 0 ? "more" : "less"}.
`;
}
