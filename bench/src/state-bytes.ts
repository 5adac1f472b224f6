import type { Comparison } from "./comparison.ts";
import type { Footprint } from "./footprint.ts";
import { number, table } from "./markdown.ts";
import { answerFrom } from "./processes.ts";
import type { Kind } from "./store.ts";

const module = new URL("./state-process.ts", import.meta.url);

/** Measures what each subject holds per key, each in a process of its own; a section in Markdown. */
export async function stateBytes(
  adapter: string,
  { subjects, valueBytes }: Comparison,
  quick: boolean,
): Promise<string> {
  const size = quick ? 10_000 : 1_000_000;
  const kinds: readonly Kind[] = ["string", "bytes"];
  const rows: string[][] = [];
  for (const kind of kinds) {
    for (const { name } of subjects) {
      process.stderr.write(`state: ${name}, ${kind}\n`);
      const grown = (await answerFrom(module, { adapter, subject: name, kind, size, valueBytes })) as Footprint;
      rows.push([name, kind, ...[grown.held, grown.resident].map((bytes) => number(bytes / size))]);
    }
  }
  return `### State bytes per key

What a process grows by, per key, when ${number(size)} keys of 20 bytes with values of 100 bytes are put into an empty store:
what JavaScript holds after a garbage collection (\`heapUsed + external\`), and what the process takes from the system
(resident), where also the allocator's own upkeep shows.

${table(["store", "values", "held, bytes per key", "resident, bytes per key"], rows)}
`;
}
