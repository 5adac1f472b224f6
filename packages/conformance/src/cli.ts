#!/usr/bin/env node
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { within } from "./expect.ts";
import type { Harness } from "./harness.ts";
import { harnessProblems } from "./harness-shape.ts";
import { reportJson, reportMarkdown, resultText, summaryText } from "./report.ts";
import type { SuiteReport } from "./run.ts";
import { runSuite, scenarioTimeout } from "./run.ts";
import { scenarios } from "./scenarios/index.ts";
import { select } from "./selection.ts";
import { checkSettings, isWholeNumber } from "./settings.ts";

const usage = `Usage: revkv-conformance <module> [options]

Runs the conformance suite of revkv. The module's default export is a harness, several of them in an array, or a
function that returns or resolves to either.

Options:
  --only <what>   W/ (all rules of that letter), W7 (one rule) or W7/racing (scenarios that begin so); repeatable
  --seed <n>      repeats the run that printed this seed; default $REVKV_SEED, or else a random one
  --json          prints the report as JSON
  --markdown      prints the report as Markdown
  --help          prints this

$REVKV_PATIENCE says how long to wait for what must happen, in milliseconds (default 15,000).

Exit codes: 0 all right, 1 something failed, 2 wrong usage.`;

/** How long the process may live on after the run before it counts as a leak, in milliseconds. */
const lingering = 5000;

class UsageError extends Error {}

interface Arguments {
  readonly module: string;
  readonly only: readonly string[];
  readonly seed: number | undefined;
  readonly format: "text" | "json" | "markdown";
}

process.exitCode = await main(process.argv.slice(2));

setTimeout(() => {
  const resources = process.getActiveResourcesInfo().join(", ");
  console.error(`The run is over, but something keeps the process alive: ${resources}`);
  process.exit(1);
}, lingering).unref();

async function main(argv: string[]): Promise<number> {
  if (argv.includes("--help")) {
    console.log(usage);
    return 0;
  }
  try {
    const given = parse(argv);
    const reports: SuiteReport[] = [];
    for (const harness of await load(given.module)) reports.push(await run(harness, given));
    if (given.format === "json") console.log(JSON.stringify(reports.map(reportJson), undefined, 2));
    if (given.format === "markdown") console.log(reports.map(reportMarkdown).join("\n\n"));
    return reports.every(({ passed }) => passed) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    return 2;
  }
}

function parse(argv: string[]): Arguments {
  const { values, positionals } = parsed(argv);
  const [module, ...rest] = positionals;
  if (module === undefined || rest.length > 0) throw new UsageError("Name exactly one module.");
  try {
    checkSettings();
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  const { only = [], seed, json = false, markdown = false } = values;
  if (json && markdown) throw new UsageError("--json and --markdown exclude each other.");
  for (const what of only) {
    if (select(scenarios, [what]).length === 0) throw new UsageError(`--only ${what} selects no scenario.`);
  }
  if (seed !== undefined && !isWholeNumber(seed)) throw new UsageError("--seed takes a whole number.");
  return {
    module,
    only,
    seed: seed === undefined ? undefined : Number(seed),
    format: json ? "json" : markdown ? "markdown" : "text",
  };
}

interface Parsed {
  readonly values: {
    readonly only?: string[] | undefined;
    readonly seed?: string | undefined;
    readonly json?: boolean | undefined;
    readonly markdown?: boolean | undefined;
  };
  readonly positionals: string[];
}

function parsed(argv: string[]): Parsed {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        only: { type: "string", multiple: true },
        seed: { type: "string" },
        json: { type: "boolean" },
        markdown: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

async function load(module: string): Promise<readonly Harness[]> {
  const made = await exported(module);
  const harnesses: readonly unknown[] = Array.isArray(made) ? made : [made];
  if (harnesses.length === 0) throw new UsageError(`The default export of ${module} is an empty array.`);
  harnesses.forEach((harness, index) => {
    const problems = harnessProblems(harness);
    const which = harnesses.length === 1 ? "The default export" : `Number ${index + 1} of the default export`;
    if (problems.length > 0) throw new UsageError(`${which} of ${module} is no harness: ${problems.join("; ")}.`);
  });
  return harnesses as readonly Harness[];
}

/** What a module's default export is, or gives when it is called. */
async function exported(module: string): Promise<unknown> {
  const load = async (): Promise<unknown> => {
    const { default: given } = await import(pathToFileURL(resolve(module)).href);
    return typeof given === "function" ? await given() : given;
  };
  try {
    return await within("the module to give its harnesses", load(), scenarioTimeout);
  } catch (error) {
    throw new UsageError(`${module} could not be loaded: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function run(harness: Harness, { only, seed, format }: Arguments): Promise<SuiteReport> {
  const report = await runSuite(harness, {
    only,
    seed,
    onResult: (result) => {
      if (format === "text") console.log(resultText(result));
    },
  });
  if (format === "text") console.log(`\n${summaryText(report)}\n`);
  return report;
}
