import { inspect } from "node:util";
import { rules } from "./rules.ts";
import type { ScenarioOutcome, ScenarioResult, SuiteReport } from "./run.ts";

const labels: Readonly<Record<ScenarioOutcome, string>> = {
  passed: "ok",
  failed: "FAILED",
  gap: "known gap",
  "not-applicable": "not applicable",
};

/** How many lines of a message are shown: what two long lists have in common says little. */
const messageLines = 40;

/** One result as a line of text; a failure with what does not hold, and where in the scenario. */
export function resultText(result: ScenarioResult): string {
  const refusal = result.refusal && result.outcome !== "not-applicable" ? " (refusal)" : "";
  const line = `${labels[result.outcome]}${refusal}  ${result.id}  ${result.title}  ${result.duration} ms`;
  return result.error === undefined ? line : `${line}\n${indented(failureText(result.error))}`;
}

/** What a run found, in a few lines of text. */
export function summaryText(report: SuiteReport): string {
  const problems = report.problems
    .map((problem) => `PROBLEM  ${indented(failureText(problem)).trimStart()}\n`)
    .join("");
  const counts = Object.entries(countOutcomes(report.results)).map(([outcome, count]) => {
    return `${count} ${outcome === "passed" ? "passed" : labels[outcome as ScenarioOutcome].toLowerCase()}`;
  });
  const nothing = counts.length === 0 ? ["nothing ran"] : counts;
  return `${problems}${failedText(report)}${report.harness}: ${nothing.join(", ")} (seed ${report.seed})`;
}

/** What failed, rule by rule, and how to run it again. */
function failedText({ results, seed }: SuiteReport): string {
  const failed = results.filter(({ outcome }) => outcome === "failed");
  if (failed.length === 0) return "";
  const byRule = Object.entries(Object.groupBy(failed, ({ rule }) => rule));
  const lines = byRule.map(([rule, of = []]) => {
    return `  ${rule} · ${rules[rule] ?? "unknown"}: ${of.map(({ id }) => id).join(", ")}`;
  });
  const hint = `Again: ${byRule.map(([rule]) => `--only ${rule}`).join(" ")} --seed ${seed}`;
  return `Failed:\n${lines.join("\n")}\n${hint}\n\n`;
}

/** A run as plain data for JSON. */
export function reportJson(report: SuiteReport): unknown {
  return {
    ...report,
    results: report.results.map((result) => ({ ...result, error: result.error && errorText(result.error) })),
    problems: report.problems.map(errorText),
  };
}

/** A run as a table in Markdown, one line per rule. */
export function reportMarkdown(report: SuiteReport): string {
  const lines = [
    `## ${report.harness}`,
    "",
    `Seed ${report.seed}. ${report.passed ? "All right." : "**Failed.**"}`,
    "",
    "| rule | | scenarios |",
    "|---|---|---|",
  ];
  for (const [rule, title] of Object.entries(rules)) {
    const results = report.results.filter((result) => result.rule === rule);
    if (results.length === 0) continue;
    const counts = Object.entries(countOutcomes(results)).map(([outcome, count]) => {
      return `${count} ${labels[outcome as ScenarioOutcome]}`;
    });
    lines.push(`| ${rule} | ${title} | ${counts.join(", ")} |`);
  }
  const failed = report.results.filter(({ outcome }) => outcome === "failed");
  for (const { id, title } of failed) lines.push("", `- **${id}**: ${title}`);
  for (const problem of report.problems) lines.push("", `- **${problem.message}**`);
  return lines.join("\n");
}

function countOutcomes(results: readonly ScenarioResult[]): Partial<Record<ScenarioOutcome, number>> {
  const counts: Partial<Record<ScenarioOutcome, number>> = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** An error for people: each message of its chain of causes once, and the place in the scenario. */
function failureText(error: Error): string {
  const chain: unknown[] = [];
  for (let one: unknown = error; one !== undefined && !chain.includes(one); one = causeOf(one)) chain.push(one);
  let said = "";
  for (const one of chain) {
    const message = one instanceof Error ? one.message : inspect(one);
    if (!said.includes(message)) said += said === "" ? message : `\ncaused by: ${message}`;
  }
  const frames = chain.toReversed().flatMap((one) => framesOf(one));
  const frame = frames.find((line) => /[\\/](src|dist)[\\/]scenarios[\\/]/.test(line)) ?? frames[0];
  return frame === undefined ? cut(said) : `${cut(said)}\n${frame}`;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** The lines of a stack that are somebody's code, not Node's own. */
function framesOf(error: unknown): string[] {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  return lines.map((line) => line.trim()).filter((line) => /^at .*:\d+:\d+\)?$/.test(line) && !line.includes("node:"));
}

function cut(text: string): string {
  const lines = text.split("\n");
  if (lines.length <= messageLines) return text;
  return [...lines.slice(0, messageLines), `… ${lines.length - messageLines} more lines (--json has them all)`].join(
    "\n",
  );
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "    ");
}

/** An error with its stack and causes. */
function errorText(error: Error): string {
  return inspect(error, { depth: 6 });
}
