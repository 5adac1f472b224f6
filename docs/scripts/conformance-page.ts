import { rules, scenarios } from "@revkv/conformance";
import { compensations, notRun, ofTheClient } from "../../packages/nats/test/bare/not-native.ts";
import type { Adapter, Gap, Keeper, Outcome, Standing, Standings } from "./standings.ts";
import { adapters } from "./standings.ts";

const columns = [...adapters, "keeper"] as const;

/** The page, from what runs have shown of every scenario. */
export function pageOf({ scenarios: standings, gaps, server }: Standings): string {
  const all = [...standings.values()];
  const keepers = countsOf(all.map(({ keeper = "–" }) => keeper));
  const natives = Object.entries(rules).map(([rule]) => {
    const of = [...standings].filter(([id]) => id.startsWith(`${rule}/`)).map(([, { keeper = "–" }]) => keeper);
    const ofServer: readonly Keeper[] = ["native", "compensated", "gap"];
    return { all: of.filter((one) => ofServer.includes(one)), native: of.filter((one) => one === "native") };
  });
  const judged = natives.filter((rule) => rule.all.length > 0);
  const wholly = judged.filter((rule) => rule.native.length === rule.all.length);
  const mostly = judged.filter((rule) => 2 * rule.native.length >= rule.all.length);
  const partly = judged.filter((rule) => rule.native.length > 0);
  const { native = 0, compensated = 0, client = 0, gap = 0 } = keepers;
  const told = native + compensated + client + gap;
  const judgedScenarios = native + compensated + gap;
  return `# Conformance

<!-- Written by \`npm run conformance:page -- <report>\`, from a report of the tests. Do not edit. -->

Every rule of [the contract](contract.md) has scenarios, \`<rule>/<what it shows>\`, and every adapter runs all of them in its tests, on the real engine. This page says what became of them. It is written from the reports of test runs, by a script.

## Adapters

| | passed | refused | known gaps | not applicable |
|---|---|---|---|---|
${adapters.map((adapter) => adapterLine(adapter, all)).join("\n")}

*Refused*: the adapter does not claim the capability, and the scenario shows that the call is refused. *Not applicable*: it cannot be shown, such as a restart of what is no server. An adapter that is run in several ways has passed what it passes in one of them and fails in none.

${gapText(gaps)}

## NATS itself

The contract is that of NATS, so the suite has to be right about NATS. That is shown on a \`nats-server\` ${server}, twice: through the adapter, and through [a bare mapping](../packages/nats/test/bare) of \`@nats-io/kv\` which does nothing but change names and types. It checks nothing, tries nothing again, sorts nothing and remembers nothing. What passes there is **native**: NATS does it. What passes only through the adapter is **compensated**: the adapter does it for its users; or of the **client**, where no server could do it: refusing wrong arguments, aborting calls, closing, letting the process exit. What passes on neither is a **gap**.

| | scenarios | share | of what a server can do |
|---|---|---|---|
| native | ${native} | ${percent(native, told)} | ${percent(native, judgedScenarios)} |
| compensated | ${compensated} | ${percent(compensated, told)} | ${percent(compensated, judgedScenarios)} |
| client | ${client} | ${percent(client, told)} | |
| gap | ${gap} | ${percent(gap, told)} | ${percent(gap, judgedScenarios)} |

By rules, counted without what is of the client: of ${judged.length} that a server can keep or break, NATS itself keeps ${mostly.length} (${percent(mostly.length, judged.length)}) in half of their scenarios or more, which is what counts as a native rule here; ${wholly.length} (${percent(wholly.length, judged.length)}) in all of them, and ${partly.length} (${percent(partly.length, judged.length)}) in at least one. A scenario fails as a whole: many that are about one rule fail for another one, such as the order of keys.

What NATS or its client does otherwise, and the adapter compensates:

${reasonText(compensations, "compensated", standings)}
${chanceText(standings)}

What only a client can do, and that of NATS does not:

${reasonText(ofTheClient, "client", standings)}

## Rules

How many scenarios of each rule have passed; for NATS, who keeps them.

| rule | | ${adapters.join(" | ")} | on NATS by |
|---|---|${"---|".repeat(columns.length)}
${Object.entries(rules)
  .map(([rule, title]) => ruleLine(rule, title, standings))
  .join("\n")}

## Scenarios

${scenarioHeader}
${scenarios
  .filter(({ id }) => standings.has(id))
  .map(({ id }) => `| ${id} | ${columns.map((column) => standings.get(id)?.[column] ?? "–").join(" | ")} |`)
  .join("\n")}
`;
}

const scenarioHeader = `| scenario | ${adapters.join(" | ")} | on NATS |\n|---|${"---|".repeat(columns.length)}`;

/** What a page says, to be written anew with what was run since. */
export function standingsOfPage(page: string): Standings {
  const known = new Map<string, Standing>();
  const gaps: Gap[] = [];
  for (const line of page.split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, first = "", ...rest] = cells.slice(0, -1);
    if (/^[A-Z]\d+\//.test(first)) {
      const standing = Object.fromEntries(columns.map((column, index) => [column, rest[index]]));
      known.set(first, standing as unknown as Standing);
    }
    const gap = /^- `(\S+)` on ([a-z]+) \((.*?)\): (.*)$/.exec(line);
    if (gap === null) continue;
    const [, id = "", adapter = "", harness = "", reason = ""] = gap;
    gaps.push({ id, adapter: adapter as Adapter, harness, reason });
  }
  return { scenarios: known, gaps, server: /on a `nats-server` (\S+),/.exec(page)?.[1] ?? "" };
}

function adapterLine(adapter: Adapter, all: readonly Partial<Standing>[]): string {
  const counts = countsOf(all.map((standing) => standing[adapter] ?? "–"));
  const { passed = 0, refused = 0, gap = 0, "–": not = 0 } = counts;
  return `| ${adapter} | ${passed} | ${refused} | ${gap} | ${not} |`;
}

function gapText(gaps: readonly Gap[]): string {
  if (gaps.length === 0) return "No scenario is known to fail.";
  const lines = gaps.map(({ adapter, harness, id, reason }) => `- \`${id}\` on ${adapter} (${harness}): ${reason}`);
  return `Known to fail, and the run fails as soon as one of them passes:\n\n${[...new Set(lines)].sort().join("\n")}`;
}

function reasonText(
  reasons: Readonly<Record<string, readonly string[]>>,
  keeper: Keeper,
  standings: Standings["scenarios"],
): string {
  const lines = Object.entries(reasons).map(([reason, ids]) => {
    const of = ids.filter((id) => standings.get(id)?.keeper === keeper);
    return of.length === 0 ? "" : `- ${reason} ${of.map((id) => `\`${id}\``).join(" ")}`;
  });
  return lines.filter((line) => line !== "").join("\n");
}

function chanceText(standings: Standings["scenarios"]): string {
  const reason = "Not run on the bare mapping, where passing is chance, or one needs too much memory:";
  return reasonText({ [reason]: Object.keys(notRun) }, "compensated", standings);
}

function ruleLine(rule: string, title: string, standings: Standings["scenarios"]): string {
  const of = [...standings].filter(([id]) => id.startsWith(`${rule}/`)).map(([, standing]) => standing);
  const cells = adapters.map((adapter) => cellOf(of.map((standing) => standing[adapter] ?? "–")));
  const keepers = countsOf(of.map(({ keeper = "–" }) => keeper));
  const words = (["native", "compensated", "client", "gap", "refused"] as const).filter(
    (word) => keepers[word] !== undefined,
  );
  const kept = words.map((word) => (word === "refused" ? "refused" : `${keepers[word]} ${word}`)).join(", ");
  return `| ${rule} | ${title} | ${cells.join(" | ")} | ${kept || "–"} |`;
}

function cellOf(outcomes: readonly Outcome[]): string {
  const { passed = 0, refused = 0, gap = 0 } = countsOf(outcomes);
  const parts = [
    ...(passed > 0 ? [`${passed}`] : []),
    ...(gap > 0 ? [`${gap} gap`] : []),
    ...(passed === 0 && refused > 0 ? ["refused"] : []),
  ];
  return parts.join(", ") || "–";
}

function countsOf<Word extends Outcome | Keeper>(words: readonly Word[]): Partial<Record<Word, number>> {
  const counts: Partial<Record<Word, number>> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${Math.round((100 * part) / whole)} %`;
}
