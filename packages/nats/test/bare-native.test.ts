import { scenarios } from "@revkv/conformance";
import { conformance } from "@revkv/conformance/vitest";
import { expect, test } from "vitest";
import { bareHarness } from "./bare/harness.ts";
import { notNative, notRun } from "./bare/not-native.ts";

const others = [...Object.values(notNative).flat(), ...Object.keys(notRun)];

test("what is not native is a scenario, and named once", () => {
  const ids = scenarios.map(({ id }) => id);
  expect(others.filter((id) => !ids.includes(id))).toEqual([]);
  expect([...new Set(others)]).toEqual(others);
});

conformance(await bareHarness(), { scenarios: scenarios.filter(({ id }) => !others.includes(id)) });
