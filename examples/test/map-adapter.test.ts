import { readFile } from "node:fs/promises";
import { conformance } from "@revkv/conformance/vitest";
import { expect, test } from "vitest";
import harness from "../harness.ts";

conformance(harness);

test("an adapter fits into less than 150 lines, on nothing but the kit", async () => {
  const source = await readFile(new URL("../map-adapter.ts", import.meta.url), "utf8");
  expect(source.trimEnd().split("\n").length).toBeLessThan(150);
  const imported = [...source.matchAll(/from "(.*)";/g)].map(([, module = ""]) => module);
  expect(new Set(imported)).toEqual(new Set(["node:crypto", "@revkv/api", "@revkv/api/adapter"]));
});
