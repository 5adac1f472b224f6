import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generate, target } from "../scripts/generate.ts";

test("the module holds what the SQL files say: else run `npm run generate` in packages/postgres", () => {
  expect(readFileSync(target, "utf8")).toBe(generate());
});
