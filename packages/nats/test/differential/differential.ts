import assert from "node:assert/strict";
import fc from "fast-check";
import type { OracleConfig } from "../../../conformance/src/oracle.ts";
import { Trace } from "../../../conformance/src/trace/run.ts";
import type { Repertoire, Step } from "../../../conformance/src/trace/steps.ts";
import { filterIn, steps } from "../../../conformance/src/trace/steps.ts";
import type { Side } from "./sides.ts";

type Filter = string | readonly string[];

/** What all adapters have, NATS included. */
const repertoire: Repertoire = {
  transactions: false,
  multipleFilters: true,
  ttl: false,
  time: false,
  watches: true,
  bucketTtl: false,
  unordered: false,
  longestValue: 12,
};

/** How many operations a trace has. */
export const operations = 50;

/** What traces have compared. */
export interface Tally {
  traces: number;
  /** Calls and watchers, on each side. */
  compared: number;
}

/**
 * Runs random traces, each on every side and on the suite's oracle at once: what calls resolve to and reject with, and what
 * watchers deliver, is the oracle's, and that of the first side to the letter. Left out is only what NATS cannot do, which
 * its adapter refuses: transactions, single ttl, and resuming where markers are gone.
 */
export async function differ(sides: readonly Side[], seed: number, traces: number, tally: Tally): Promise<void> {
  const config = fc.record({ history: fc.constantFrom(1, 1, 2, 3, 5) });
  const sequence = steps(repertoire, { minLength: operations, maxLength: operations });
  const filters = fc.array(filterIn(repertoire), { maxLength: 1 });
  let bucket = 0;
  const property = fc.asyncProperty(config, sequence, filters, async (...trace) => {
    bucket += 1;
    const name = `trace_${seed}_${bucket}`;
    const [first = [], ...others] = await Promise.all(sides.map((side) => transcriptOf(side, name, ...trace)));
    for (const [index, other] of others.entries()) {
      assert.deepEqual(other, first, `${sides[index + 1]?.name} does what ${sides[0]?.name} does`);
    }
    tally.traces += 1;
    tally.compared += first.length;
  });
  await fc.assert(property, { seed, numRuns: traces, endOnFailure: true, includeErrorInReport: true });
}

/** Runs a trace on one side, on a bucket of its own, and gives what happened line by line. */
async function transcriptOf(
  { name, managers: [manager, other] }: Side,
  bucket: string,
  config: OracleConfig,
  sequence: readonly Step[],
  filters: readonly Filter[],
): Promise<readonly string[]> {
  const kv = await manager.createKeyValue({ bucket, ...config });
  const trace = new Trace(
    {
      capabilities: manager.capabilities,
      handles: [kv, await other.keyValue(bucket)],
      configure: async (change) => void (await manager.updateKeyValue({ bucket, ...change })),
      pass: () => assert.fail("no time passes in these traces"),
      resumesCompacted: false,
    },
    config,
  );
  try {
    const transcript = await trace.run(sequence, filters);
    // Not every store can tell which revision it found instead (rule O4).
    return transcript.map((line) => line.replace(/ actual \S+$/, ""));
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await manager.deleteKeyValue(bucket);
  }
}
