import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultSeed } from "../../conformance/src/run.ts";
import type { Tally } from "./differential/differential.ts";
import { differ } from "./differential/differential.ts";
import type { Side } from "./differential/sides.ts";
import { openSides } from "./differential/sides.ts";

const seed = defaultSeed();
const [traces, atOnce] = [50, 4];

let sides: readonly Side[];
beforeAll(async () => {
  sides = await openSides();
}, 60_000);
afterAll(async () => {
  for (const side of sides) await side.close();
}, 60_000);

test(`every adapter does what NATS does, in random traces (seed ${seed})`, { timeout: 600_000 }, async () => {
  const tally: Tally = { traces: 0, compared: 0 };
  const work = Array.from({ length: atOnce }, (_, index) => differ(sides, seed + index, traces, tally));
  await Promise.all(work);
  expect(tally.traces).toBe(atOnce * traces);
  expect(tally.compared).toBeGreaterThan(50 * tally.traces);
});
