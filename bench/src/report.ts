import { readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import type { Aim, Comparison, Row } from "./comparison.ts";
import { machine, versions } from "./machine.ts";
import { number, table, time, verdict } from "./markdown.ts";
import type { Results } from "./results.ts";
import type { Effort } from "./rounds.ts";
import type { Subject } from "./store.ts";
import { usualValueBytes } from "./workload.ts";

const file = new URL("../RESULTS.md", import.meta.url);

const introduction = `# Results

Written by \`npm run bench -- <adapter>\`, a section per adapter; see [README.md](README.md) for how it is measured. All times of
a section are of one run. A cell has the median of its rounds, and the shortest and the longest in brackets. Speeds are
ratios of medians: how many times as fast as the other one, so that more is better and 1 is equal. Keys have 20 bytes, values
${usualValueBytes} unless the section says otherwise, and every operation is awaited.
`;

/** The section of an adapter, as Markdown. */
export async function section(comparison: Comparison, results: Results, effort: Effort): Promise<string> {
  const { title, about, packages, aims } = comparison;
  const load = number(os.loadavg()[1] ?? Number.NaN);
  return `## ${title}

${new Date().toISOString().slice(0, 10)}; ${machine()}; ${await versions(packages)}. ${effort.rounds} rounds of
${effort.milliseconds} ms per task and store. Load of the machine at the end, over five minutes: ${load}.

${about}

### Times

${timesTable(comparison, results)}

### Speeds

${speedsTable(comparison, results)}

### Aims

${table(
  ["aim", "wanted", "figure", ""],
  aims.map((aim) => aimRow(aim, results)),
)}
`;
}

function timesTable({ subjects, rows }: Comparison, results: Results): string {
  return table(
    ["task", ...subjects.map(({ name }) => name)],
    rows.map((row) => [
      labelOf(row),
      ...subjects.map(({ name }) => {
        const times = results.times(row, name);
        return times === undefined ? "" : `${time(times.median)} (${time(times.min)}–${time(times.max)})`;
      }),
    ]),
  );
}

function speedsTable({ subjects, pairs, rows }: Comparison, results: Results): string {
  const [first, ...others] = subjects;
  const compared = pairs ?? others.map((other): [Subject, Subject] => [first, other]);
  return table(
    ["task", ...compared.map(([ours, other]) => `${ours.name} : ${other.name}`)],
    rows.map((row) => [
      labelOf(row),
      ...compared.map(([ours, other]) => {
        const speed = results.speed(row, ours.name, other.name);
        return Number.isNaN(speed) ? "" : number(speed);
      }),
    ]),
  );
}

function aimRow({ what, figure, atLeast, atMost }: Aim, results: Results): string[] {
  const reached = figure(results);
  const met = reached >= (atLeast ?? Number.NEGATIVE_INFINITY) && reached <= (atMost ?? Number.POSITIVE_INFINITY);
  const wanted = atLeast === undefined ? `at most ${String(atMost)}` : `at least ${atLeast}`;
  return [what, wanted, number(reached), verdict(met)];
}

function labelOf({ task, kind, size, variant }: Row): string {
  const values = kind === "bytes" ? ", bytes" : "";
  const how = variant === undefined ? "" : `, ${variant}`;
  return `${task}${values}${how}, ${size.toLocaleString("en")} keys`;
}

/** Puts a section into the file of results, in place of an earlier one of the same title. */
export async function publish(title: string, text: string): Promise<void> {
  const before = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return introduction;
    throw error;
  });
  const [, ...sections] = before.split(/^(?=## )/m);
  const others = sections.filter((each) => !each.startsWith(`## ${title}\n`));
  await writeFile(
    file,
    [introduction, ...[...others, `${text.trim()}\n`].sort()]
      .map((part) => part.trim())
      .join("\n\n")
      .concat("\n"),
  );
}
