import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "vitest";

interface TestResult {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

/** Runs the fixture's tests with Vitest, as its users do. */
async function runFixture(): Promise<readonly TestResult[]> {
  const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
  const root = fileURLToPath(new URL("./fixtures/binding", import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), "revkv-"));
  try {
    const report = join(folder, "report.json");
    const args = ["run", "--root", root, "--reporter", "json", "--outputFile", report];
    await new Promise((resolve) => execFile(process.execPath, [vitest, ...args], resolve));
    return JSON.parse(await readFile(report, "utf8")).testResults[0].assertionResults;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the binding declares one test per scenario, and none disappears", { timeout: 30_000 }, async () => {
  const results = await runFixture();
  const statuses = Object.fromEntries(results.map(({ fullName, status }) => [fullName, status]));
  assert.deepEqual(statuses, {
    "the binding (seed 5) the harness says what the adapter says": "passed",
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
