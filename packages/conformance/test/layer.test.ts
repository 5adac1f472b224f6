import assert from "node:assert/strict";
import { test } from "vitest";
import { runSuite } from "../src/run.ts";
import { layeredMemory } from "./mutants/mutant.ts";

test("a layer without a fault breaks nothing: what mutants are caught for is their fault", {
  timeout: 120_000,
}, async () => {
  const neutral = layeredMemory("memory under an empty layer", () => ({
    storage: () => ({}),
    bucket: () => ({}),
    manager: () => ({}),
    keyValue: () => ({}),
    watcher: () => ({}),
    items: async function* (items) {
      yield* items;
    },
    entry: () => ({}),
  }));
  const { results, problems } = await runSuite(neutral);
  assert.deepEqual(
    results.filter(({ outcome }) => outcome === "failed").map(({ error }) => error?.message),
    [],
  );
  assert.deepEqual(problems, []);
});
