import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import type { Tally } from "./differential.ts";
import { differ, operations } from "./differential.ts";
import { openSides } from "./sides.ts";

/** A long run: `npm run differential -- --traces 2000 --seed 42`. */
const { values } = parseArgs({ options: { traces: { type: "string" }, seed: { type: "string" } } });
const traces = Number(values.traces ?? 2000);
const first = Number(values.seed ?? randomInt(2 ** 30));
const [batch, atOnce] = [50, 4];

const sides = await openSides();
const tally: Tally = { traces: 0, compared: 0 };
const print = (text: string): void => void process.stdout.write(`${text}\n`);
print(
  `${traces} traces of ${operations} operations on ${sides.map(({ name }) => name).join(", ")}, from seed ${first}`,
);
const seeds = Array.from({ length: Math.ceil(traces / batch) }, (_, index) => first + index).values();
const work = async (): Promise<void> => {
  for (const seed of seeds) {
    await differ(sides, seed, batch, tally);
    print(`seed ${seed}: ${tally.traces} traces, ${tally.compared} calls and watchers alike`);
  }
};
await Promise.all(Array.from({ length: atOnce }, work));
for (const side of sides) await side.close();
