import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "vitest";

interface FileResult {
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly TestResult[];
  /** What people see. */
  readonly output: string;
}

interface TestResult {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

/** Runs a fixture's tests with Vitest, as its users do. */
async function runFixture(name: string): Promise<FileResult> {
  const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
  const root = fileURLToPath(new URL("./fixtures/binding", import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), "revkv-"));
  try {
    const report = join(folder, "report.json");
    const args = ["run", name, "--root", root, "--reporter", "default", "--reporter", "json", "--outputFile", report];
    const output = await new Promise((resolve) => {
      execFile(process.execPath, [vitest, ...args], (_, stdout, stderr) => resolve(`${stdout}${stderr}`));
    });
    return { ...JSON.parse(await readFile(report, "utf8")).testResults[0], output };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the binding declares one test per scenario, and none disappears", async () => {
  const { assertionResults: results } = await runFixture("suite");
  const statuses = Object.fromEntries(results.map(({ fullName, status }) => [fullName, status]));
  assert.deepEqual(statuses, {
    "the binding (seed 5) the harness says what the adapter says": "passed",
    "the binding (seed 5) M1/alone · nothing else runs": "passed",
    "the binding (seed 5) M1/passes · it passes": "passed",
    "the binding (seed 5) M2/fails · it fails": "failed",
    "the binding (seed 5) M3/absent · nobody claims it": "skipped",
    "the binding (seed 5) M4/gap · it fails as known (known gap: it is known to fail)": "passed",
    "the binding (seed 5) M5/no-gap · it is called a gap (known gap: it was fixed long ago)": "failed",
  });
  const message = (name: string): string =>
    results.find(({ fullName }) => fullName.includes(name))?.failureMessages.join("\n") ?? "";
  assert.match(message("M2/fails"), /M2\/fails \(rule M2 · Revisions never go back, seed 5\): it fails\nas it should/);
  assert.match(message("M5/no-gap"), /is listed as a known gap, but passes/);
});

test("a storage that cannot be set up fails the tests, and says why", async () => {
  const { status, output, assertionResults } = await runFixture("broken");
  assert.equal(status, "failed");
  assert.ok(assertionResults.every((result) => result.status !== "passed"));
  assert.match(output, /Error.*: no server/);
  assert.doesNotMatch(output, /TypeError/);
});

test("a selection of nothing fails", async () => {
  const { status, message } = await runFixture("nothing");
  assert.equal(status, "failed");
  assert.match(message, /memory: \["X9"\] selects no scenario/);
});
