#!/usr/bin/env node
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Harness } from "./harness.ts";
import { reportJson, reportMarkdown, resultText, summaryText } from "./report.ts";
import type { SuiteReport } from "./run.ts";
import { runSuite } from "./run.ts";
import { scenarios } from "./scenarios/index.ts";
import { select } from "./selection.ts";

const usage = `Usage: revkv-conformance <module> [options]

Runs the conformance suite of revkv. The module's default export is a harness, several of them in an array, or a
function that returns or resolves to either.

Options:
  --only <what>   W/ (all rules of that letter), W7 (one rule) or W7/racing (scenarios that begin so); repeatable
  --seed <n>      repeats the run that printed this seed
  --json          prints the report as JSON
  --markdown      prints the report as Markdown
  --help          prints this

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
  const { only = [], seed, json = false, markdown = false } = values;
  if (json && markdown) throw new UsageError("--json and --markdown exclude each other.");
  for (const what of only) {
    if (select(scenarios, [what]).length === 0) throw new UsageError(`--only ${what} selects no scenario.`);
  }
  if (seed !== undefined && !/^\d+$/.test(seed)) throw new UsageError("--seed takes a whole number.");
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
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function load(module: string): Promise<readonly Harness[]> {
  const { default: given } = await imported(module);
  const made: unknown = typeof given === "function" ? await given() : given;
  const harnesses: readonly unknown[] = Array.isArray(made) ? made : [made];
  if (harnesses.length === 0 || !harnesses.every(isHarness)) {
    throw new UsageError(`The default export of ${module} is no harness.`);
  }
  return harnesses;
}

async function imported(module: string): Promise<{ readonly default?: unknown }> {
  try {
    return await import(pathToFileURL(resolve(module)).href);
  } catch (error) {
    throw new UsageError(`${module} could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isHarness(value: unknown): value is Harness {
  return typeof value === "object" && value !== null && "name" in value && "capabilities" in value && "setup" in value;
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
