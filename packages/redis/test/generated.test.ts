import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generate, target } from "../scripts/generate.ts";

test("the generated module is up to date: npm run generate", () => {
  expect(readFileSync(target, "utf8")).toBe(generate());
});
