import type { Capabilities, KeyValueConfig } from "@revkv/api";
import fc from "fast-check";
import type { OracleConfig } from "../oracle.ts";
import type { Scenario, ScenarioEnv } from "../scenario.ts";
import { scenario } from "../scenario.ts";
import { Trace } from "../trace/run.ts";
import type { Repertoire } from "../trace/steps.ts";
import { duration, filterIn, steps } from "../trace/steps.ts";

/** One kind of trace: buckets of these configs, and steps of this repertoire. */
interface Kind {
  readonly id: string;
  readonly title: string;
  readonly configs: fc.Arbitrary<OracleConfig>;
  readonly repertoire: Partial<Repertoire>;
  readonly needs?: ((capabilities: Capabilities) => boolean) | undefined;
}

const history = fc.constantFrom(1, 1, 2, 3, 5);

const kinds: readonly Kind[] = [
  {
    id: "M1/random-traces",
    title: "random writes, reads and transactions do what the contract says, one by one",
    configs: fc.record({ history }),
    repertoire: {},
  },
  {
    id: "W7/random-traces",
    title: "watchers started at random moments of random traces deliver what they must and nothing else",
    configs: fc.record({ history }),
    repertoire: { watches: true },
  },
  {
    id: "B10/random-traces",
    title: "random traces on a small bucket are refused exactly where it is full",
    configs: fc.record({ history, maxBytes: fc.integer({ min: 20, max: 80 }) }),
    repertoire: { longestValue: 20 },
    needs: ({ maxBytes }) => maxBytes,
  },
  {
    id: "B9/random-traces",
    title: "random traces on a bucket for small values are refused exactly where a value is too large",
    configs: fc.record({ history, maxValueSize: fc.integer({ min: 4, max: 8 }) }),
    repertoire: { longestValue: 9, transactions: false },
  },
  {
    id: "T1/random-traces",
    title: "random traces on a bucket with a ttl see every entry for as long as it lives and no longer",
    configs: fc.record({ history, ttl: fc.integer({ min: 2, max: 4 }).map(duration) }),
    repertoire: { time: true, watches: true, bucketTtl: true },
  },
  {
    id: "T2/random-traces",
    title: "random traces with a ttl for single entries leave exactly the markers that they must",
    configs: fc.record({
      history,
      ttl: fc.constantFrom(undefined, duration(4)),
      limitMarkerTtl: fc.constantFrom(duration(1), duration(3)),
    }),
    repertoire: { time: true, ttl: true, watches: true },
    needs: (capabilities) => capabilities.limitMarkers && capabilities.perKeyTtl,
  },
];

/** How long traces may be made up and carried out, in milliseconds: a slow storage gets fewer of them, at least one. */
const timeLimit = 30_000;

/** Random sequences of operations on the adapter and on the oracle side by side; `env.seed` replays them. */
export const traceScenarios: readonly Scenario[] = kinds.map(({ id, title, configs, repertoire, needs }) =>
  scenario(id, title, {
    requires: (capabilities, storage) =>
      (repertoire.time !== true || storage.advance !== undefined) && (needs?.(capabilities) ?? true),
    async run(env) {
      const other = await env.open();
      const { transactions, multipleFilters } = env.capabilities;
      const all: Repertoire = {
        transactions,
        multipleFilters,
        ttl: false,
        time: false,
        watches: false,
        bucketTtl: false,
        unordered: true,
        longestValue: 12,
        ...repertoire,
      };
      const filters = fc.array(filterIn(all), { maxLength: 2 });
      const property = fc.asyncProperty(
        configs,
        steps(all, { minLength: 1, maxLength: 40 }),
        filters,
        async (config, sequence, watched) => {
          const kv = await env.bucket(config);
          const trace = new Trace(
            {
              capabilities: env.capabilities,
              handles: [kv, await other.keyValue(kv.bucket)],
              configure: (change) => configure(env, { bucket: kv.bucket, ...change }),
              pass: (milliseconds) => env.pass(milliseconds),
            },
            config,
          );
          await trace.run(sequence, watched);
          await env.manager.deleteKeyValue(kv.bucket);
        },
      );
      await fc.assert(property, {
        seed: env.seed,
        numRuns: 40,
        interruptAfterTimeLimit: timeLimit,
        includeErrorInReport: true,
      });
    },
  }),
);

async function configure(env: ScenarioEnv, config: KeyValueConfig): Promise<void> {
  await env.manager.updateKeyValue(config);
}
