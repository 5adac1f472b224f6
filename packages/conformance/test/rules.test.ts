import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { rules } from "../src/rules.ts";
import { scenarios } from "../src/scenarios/index.ts";

const contract = readFileSync(new URL("../../../docs/contract.md", import.meta.url), "utf8");
const headings = [...contract.matchAll(/^### (\S+) · (.+)$/gm)].map(([, id = "", title = ""]) => [id, title] as const);

describe("the contract and the suite", () => {
  test("the rules are those of the contract, in its order", () => {
    assert.deepEqual(Object.entries(rules), headings);
  });

  for (const [id, title] of headings) {
    test(`${id} · ${title} has a scenario`, () => {
      assert.ok(scenarios.some(({ rule }) => rule === id));
    });
  }

  test("every scenario belongs to a rule, and its id says what it shows", () => {
    for (const { id, rule, title } of scenarios) {
      assert.match(id, /^[A-Z][0-9]+\/[a-z0-9]+(-[a-z0-9]+)*$/, id);
      assert.equal(id.split("/")[0], rule, id);
      assert.ok(rule in rules, `${id} belongs to a rule`);
      assert.match(title, /\S+ \S+ \S+/, `${id} has a sentence as its title`);
    }
  });

  test("no id comes twice", () => {
    const ids = scenarios.map(({ id }) => id);
    assert.deepEqual([...new Set(ids)], ids);
  });

  test("no title comes twice", () => {
    const titles = scenarios.map(({ title }) => title);
    assert.deepEqual([...new Set(titles)], titles);
  });
});
