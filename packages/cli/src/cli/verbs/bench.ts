import type { Command } from "commander";
import { adapterOf } from "../../adapters.ts";
import { measure } from "../../bench/measure.ts";
import { parseDuration } from "../duration.ts";
import { parseSize } from "../size.ts";
import { printTable } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { verb } from "../verb.ts";

interface BenchOptions {
  readonly for: number;
  readonly size: number;
}

/** The longest that one measurement may take: it is a server that others use, too. In milliseconds. */
const longest = 60_000;

export function define(command: Command): void {
  command
    .argument("[url]", "the store (default: --store)")
    .option("--for <duration>", "how long each measurement takes", parseDuration)
    .option("--size <size>", "of the values", parseSize)
    .addHelpText(
      "after",
      "\nWorks in a bucket of its own, which it deletes. The figures are those of this machine, now.",
    )
    .action(
      verb(
        command,
        async (session, url: string | undefined, { for: duration = 2000, size = 100 }: Partial<BenchOptions>) => {
          if (duration < 1 || duration > longest) throw new UsageError("--for is between 1ms and 1m");
          const { output, signal } = session;
          const store = url ?? session.store;
          adapterOf(store);
          const manager = await session.open(store, "create");
          const rows: string[][] = [];
          for await (const result of measure(manager, { duration, size, signal })) {
            if (output.isJson) await output.json(result);
            const { name, perSecond, p50, p99 } = result;
            rows.push([
              name,
              `${Math.round(perSecond)}`,
              ...[p50, p99].map((milliseconds) => `${milliseconds.toFixed(3)} ms`),
            ]);
          }
          if (!output.isJson) await printTable(output, ["What", "Per second", "p50", "p99"], rows);
        },
      ),
    );
}
