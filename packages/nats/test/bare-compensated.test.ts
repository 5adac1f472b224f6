import { scenarios } from "@revkv/conformance";
import { conformance } from "@revkv/conformance/vitest";
import { expect, test, vi } from "vitest";
import { bareHarness, bareName } from "./bare/harness.ts";
import { notNative } from "./bare/not-native.ts";

// What never comes need not be waited for so long here; set before the suite is loaded.
vi.hoisted(() => {
  process.env["REVKV_PATIENCE"] = "2000";
});

const known = Object.entries(notNative).flatMap(([reason, ids]) => ids.map((id) => [id, reason] as const));
const harness = await bareHarness(Object.fromEntries(known));

if (harness.name.startsWith(`${bareName}2.9.`)) {
  conformance(harness, { scenarios: scenarios.filter(({ id }) => id in (harness.knownGaps ?? {})), timeout: 10_000 });
} else {
  test("what newer servers do by themselves has not been told apart", () => {
    expect(harness.name).not.toContain(`${bareName}2.9.`);
  });
}
