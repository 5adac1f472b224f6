import { inspect } from "node:util";
import { rules } from "./rules.ts";
import type { ScenarioOutcome, ScenarioResult, SuiteReport } from "./run.ts";

const labels: Readonly<Record<ScenarioOutcome, string>> = {
  passed: "ok",
  failed: "FAILED",
  gap: "known gap",
  "not-applicable": "not applicable",
};

/** One result as a line of text; a failure with all that is known about it. */
export function resultText(result: ScenarioResult): string {
  const refusal = result.refusal && result.outcome !== "not-applicable" ? " (refusal)" : "";
  const line = `${labels[result.outcome]}${refusal}  ${result.id}  ${result.title}  ${result.duration} ms`;
  return result.error === undefined ? line : `${line}\n${errorText(result.error)}`;
}

/** What a run found, in a few lines of text. */
export function summaryText(report: SuiteReport): string {
  const problems = report.problems.map((problem) => `PROBLEM  ${errorText(problem)}\n`).join("");
  const counts = Object.entries(countOutcomes(report.results)).map(([outcome, count]) => {
    return `${count} ${outcome === "passed" ? "passed" : labels[outcome as ScenarioOutcome].toLowerCase()}`;
  });
  return `${problems}${report.harness}: ${counts.join(", ")} (seed ${report.seed})`;
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

/** An error with its stack and causes. */
function errorText(error: Error): string {
  return inspect(error, { depth: 6 });
}
