import type { ScenarioMeta } from "@revkv/conformance/vitest";
import { bareName } from "../../packages/nats/test/bare/harness.ts";
import { notRun, ofTheClient } from "../../packages/nats/test/bare/not-native.ts";

/** The adapters, in the order of their columns. */
export const adapters = ["memory", "sqlite", "postgres", "redis", "nats"] as const;
export type Adapter = (typeof adapters)[number];

/**
 * What became of a scenario on an adapter: it passed; the call that it is about is refused, since the adapter does not
 * claim it; it is known to fail; or nothing of it can be run.
 */
export type Outcome = "passed" | "refused" | "gap" | "–";

/**
 * Who keeps what a scenario shows on NATS: NATS itself, since it passes with names and types adapted and nothing else;
 * the adapter, for what NATS does otherwise, or for what only a client can do; or nobody.
 */
export type Keeper = "native" | "compensated" | "client" | "refused" | "gap" | "–";

/** The columns of one scenario. */
export type Standing = Readonly<Record<Adapter, Outcome>> & { readonly keeper: Keeper };

/** A scenario that is known to fail, on one way to run an adapter. */
export interface Gap {
  readonly adapter: Adapter;
  readonly harness: string;
  readonly id: string;
  readonly reason: string;
}

/** What runs of the suite have shown. */
export interface Standings {
  /** By the scenario's id. */
  readonly scenarios: ReadonlyMap<string, Partial<Standing>>;
  readonly gaps: readonly Gap[];
  /** The version of the NATS server; empty when none was run. */
  readonly server: string;
}

/** As much of a report of Vitest's as is read here. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly meta?: { readonly conformance?: ScenarioMeta } }[];
  }[];
}

type Word = Outcome | "failed";

/** Where an adapter was run in several ways it keeps what it keeps in one of them, unless it fails in another. */
const ranks: readonly Word[] = ["failed", "passed", "gap", "refused", "–"];

/**
 * What a report of Vitest's JSON reporter says of the suite's scenarios, all that were run.
 *
 * @throws `Error` when a scenario failed
 */
export function standingsOf({ testResults }: Report): Standings {
  const words = new Map<Adapter | "bare", Map<string, Word>>();
  const gaps: Gap[] = [];
  let server = "";
  for (const { name, assertionResults } of testResults) {
    const adapter = adapters.find((one) => name.includes(`/packages/${one}/`));
    if (adapter === undefined) continue;
    for (const { meta } of assertionResults) {
      if (meta?.conformance === undefined) continue;
      const { id, harness, gap } = meta.conformance;
      const isBare = harness.startsWith(bareName);
      if (isBare) server = harness.slice(bareName.length);
      else if (gap !== undefined) gaps.push({ adapter, harness, id, reason: gap });
      const column = isBare ? "bare" : adapter;
      const known = words.get(column) ?? new Map<string, Word>();
      words.set(column, known);
      const word = wordOf(meta.conformance);
      if (ranks.indexOf(word) < ranks.indexOf(known.get(id) ?? "–") || !known.has(id)) known.set(id, word);
    }
  }
  const ids = new Set([...words.values()].flatMap((column) => [...column.keys()]));
  const scenarios = new Map([...ids].map((id) => [id, standingOf(id, words)] as const));
  return { scenarios, gaps, server };
}

function wordOf({ outcome, refusal }: ScenarioMeta): Word {
  if (outcome === "not-applicable") return "–";
  return outcome === "passed" && refusal ? "refused" : outcome;
}

/** The columns in which the scenario was run. */
function standingOf(id: string, words: ReadonlyMap<Adapter | "bare", ReadonlyMap<string, Word>>): Partial<Standing> {
  const word = (column: Adapter | "bare"): Outcome | undefined => {
    const found = words.get(column)?.get(id);
    if (found === "failed") throw new Error(`${id} failed on ${column}: a run that failed shows nothing`);
    return found;
  };
  const run = adapters.flatMap((adapter) => {
    const outcome = word(adapter);
    return outcome === undefined ? [] : [[adapter, outcome] as const];
  });
  const [nats, bare] = [word("nats"), id in notRun ? "gap" : word("bare")];
  const keeper = nats === undefined || bare === undefined ? {} : { keeper: keeperOf(id, nats, bare) };
  return { ...Object.fromEntries(run), ...keeper };
}

const clientScenarios = new Set(Object.values(ofTheClient).flat());

function keeperOf(id: string, nats: Outcome, bare: Outcome): Keeper {
  if (nats !== "passed") return nats;
  if (bare === "passed") return "native";
  return clientScenarios.has(id) ? "client" : "compensated";
}

const unknown: Standing = { memory: "–", sqlite: "–", postgres: "–", redis: "–", nats: "–", keeper: "–" };

/** What was shown before, with what was shown now in its place; of the suite's scenarios, in its order. */
export function merged(before: Standings, now: Standings, ids: readonly string[]): Standings {
  const known = ids.filter((id) => before.scenarios.has(id) || now.scenarios.has(id));
  const scenarios = known.map(
    (id) => [id, { ...unknown, ...before.scenarios.get(id), ...now.scenarios.get(id) }] as const,
  );
  const kept = before.gaps.filter(({ id, adapter }) => now.scenarios.get(id)?.[adapter] === undefined);
  return { scenarios: new Map(scenarios), gaps: [...kept, ...now.gaps], server: now.server || before.server };
}
