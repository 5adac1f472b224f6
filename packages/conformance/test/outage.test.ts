import assert from "node:assert/strict";
import { test } from "vitest";
import type { Harness, HarnessStorage } from "../src/harness.ts";
import { runSuite } from "../src/run.ts";
import memoryHarness from "./memory-harness.ts";

/** Memory whose harness says that it can be restarted. */
function restarting(restart: NonNullable<HarnessStorage["restart"]>): Harness {
  return { ...memoryHarness, setup: async () => ({ ...(await memoryHarness.setup()), restart }) };
}

const pretences: Readonly<Record<string, NonNullable<HarnessStorage["restart"]>>> = {
  "does nothing": async () => undefined,
  "says that a storage is away which is there": (whileAway) => whileAway(),
};

test.each(Object.entries(pretences))("no scenario of a restart passes where the harness %s", async (_, restart) => {
  const { results } = await runSuite(restarting(restart), { only: ["W10", "E3/restart", "E5/restart"], seed: 1 });
  assert.equal(results.length, 6);
  for (const { id, outcome, error } of results) {
    assert.equal(outcome, "failed", id);
    assert.match(error?.message ?? "", /answers nothing|says when/, id);
  }
});
