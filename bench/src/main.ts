/** `npm run bench -- <adapter> [--quick]`: measures an adapter beside others and writes its section of RESULTS.md. */
import { parseArgs } from "node:util";
import { adapters, comparisonOf } from "./adapters.ts";
import { publish, section } from "./report.ts";
import type { Effort } from "./rounds.ts";
import { measureRounds } from "./rounds.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: "boolean" } } });
const [adapter = ""] = positionals;
const comparison = await comparisonOf(adapter);
if (comparison === undefined) {
  console.error(`usage: npm run bench -- <adapter> [--quick], where the adapter is ${adapters.join(" or ")}`);
  process.exit(2);
}
const quick = values.quick === true;
const effort: Effort = quick
  ? { warmUps: 1, rounds: 3, milliseconds: 10 }
  : { warmUps: 8, rounds: 11, milliseconds: 50 };

const end = await comparison.start?.();
const results = await measureRounds(adapter, comparison, effort);
const text = `${await section(comparison, results, effort)}\n${(await comparison.more?.(quick)) ?? ""}`;
await end?.();
console.log(text);
// A quick run is there to see that it works: its figures are not worth keeping.
if (!quick) await publish(comparison.title, text);
