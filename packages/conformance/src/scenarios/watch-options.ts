import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { bytes, read } from "../expect.ts";
import { inParallel } from "../load.ts";
import type { OracleWatch } from "../oracle.ts";
import { matches, Oracle } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";
import { expectedView, viewOf } from "../view.ts";

/** One write, for the adapter and for the oracle. */
type Write = readonly [op: "put" | "delete" | "purge", key: string, value?: string];

const before: readonly Write[] = [
  ["put", "a", "1"],
  ["put", "a.b", "2"],
  ["put", "a.b", "3"],
  ["put", "x.b", "4"],
  ["delete", "a.b"],
  ["put", "a.c", "6"],
  ["put", "a.b.c", ""],
  ["purge", "x.b"],
  ["put", "a.b", "9"],
  ["delete", "a.c"],
  ["put", "b.b", "11"],
  ["delete", "never"],
];

/** The last one matches every filter: behind it nothing is left to come. */
const after: readonly Write[] = [
  ["put", "a.c", "13"],
  ["delete", "a.b.c"],
  ["purge", "b.b"],
  ["put", "a", "16"],
  ["put", "new.b", "17"],
  ["delete", "a"],
  ["put", "a.b", "19"],
];

const oneFilter: readonly (string | readonly string[])[] = [">", [], "a.b", "a.*", "a.>", "*.b", "*.*", ["*.b"]];
const severalFilters: readonly (readonly string[])[] = [
  ["a.*", "*.b"],
  ["a.b", "never", "a.b.c"],
  ["a.>", ">"],
];

/** Where a watcher starts, and the scenario about it. */
const starts: readonly { readonly id: string; readonly title: string; readonly start: OracleWatch }[] = [
  { id: "W1/options", title: "from the newest entries", start: {} },
  { id: "W2/options-include-history", title: "from the history", start: { includeHistory: true } },
  { id: "W2/options-updates-only", title: "from now on", start: { updatesOnly: true } },
  { id: "W5/options-from-first", title: "from the first revision", start: { resumeFromRevision: 1 } },
  { id: "W5/options-from-middle", title: "from a revision in the middle", start: { resumeFromRevision: 6 } },
  { id: "W5/options-from-next", title: "from the next revision", start: { resumeFromRevision: before.length + 1 } },
];

async function write(kv: KeyValue, oracle: Oracle, writes: readonly Write[]): Promise<void> {
  for (const [op, key, value = ""] of writes) {
    const expected = op === "put" ? oracle.put(key, bytes(value)) : oracle[op](key);
    assert.equal(op === "put" ? await kv.put(key, value) : await kv[op](key), expected);
  }
}

/** A watcher in every combination of options and filters, each compared with what the oracle says. */
export const watchOptionScenarios: readonly Scenario[] = starts.map(({ id, title, start }) =>
  scenario(id, `watching ${title} gives what it should, with every combination of options and filters`, {
    async run(env) {
      const kv = await env.bucket({ history: 4 });
      const oracle = new Oracle({ history: 4 });
      await write(kv, oracle, before);
      const line = oracle.revision;
      const filters = [...oneFilter, ...(env.capabilities.multipleFilters ? severalFilters : [])];
      const cases = filters.flatMap((filter) =>
        [false, true].flatMap((ignoreDeletes) =>
          [false, true].map((metaOnly) => ({ filter, options: { ...start, ignoreDeletes, metaOnly } })),
        ),
      );
      const readers = await inParallel(cases.length, 8, async (index) => {
        const { filter, options } = cases[index] ?? assert.fail();
        const reader = read(await kv.watch(filter, options));
        const initial = oracle.initial(filter, options);
        assert.deepEqual(
          (await reader.throughNull()).map(viewOf),
          initial.map((entry) => expectedView(oracle, entry, options)),
          `the initial set of ${JSON.stringify({ filter, ...options })}`,
        );
        return { reader, filter, options };
      });
      await write(kv, oracle, after);
      for (const { reader, filter, options } of readers) {
        const updates = await reader.until("the last put", (entry) => entry.revision === oracle.revision);
        const expected = oracle.written.filter(
          ({ revision, key, operation }) =>
            revision > line && matches(filter, key) && !(options.ignoreDeletes && operation !== "PUT"),
        );
        assert.deepEqual(
          updates.map(viewOf),
          expected.map((entry) => expectedView(oracle, entry, { ...options, isUpdate: true })),
          `the updates of ${JSON.stringify({ filter, ...options })}`,
        );
        await reader.watcher.stop();
      }
    },
  }),
);
