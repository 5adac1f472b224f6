import { expect, test } from "vitest";
import { execute } from "./harness.ts";
import { emptyDatabase } from "./open.ts";
import { fillPublic } from "./strangers.ts";

test("a stranger's operator or function that fits better is called, and noticed", async () => {
  const url = await emptyDatabase();
  await fillPublic(url);
  for (const text of [
    "SELECT 1 || 'ms'::text",
    "SELECT 1.5 * 1",
    "SELECT cardinality(ARRAY['a'])",
    "SELECT ARRAY['a'] || 'a'::text",
  ]) {
    await expect(execute(url, text), text).rejects.toThrow("a stranger was called");
  }
  expect(await execute(url, "SELECT 1 + 1, 'a'::text || 'b', pg_catalog.cardinality(ARRAY['a'])")).toEqual([
    [2, "ab", 1],
  ]);
});
