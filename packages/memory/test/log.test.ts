import fc from "fast-check";
import { expect, test } from "vitest";
import { Log } from "../src/log.ts";
import { MemoryRow } from "../src/memory-row.ts";
import { rowAt } from "./rows.ts";

/** Appends skip up to three revisions; removals name one of the rows that are there. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
);

function build(steps: readonly ({ readonly append: number } | { readonly remove: number })[]): {
  log: Log<MemoryRow>;
  model: number[];
} {
  const log = new Log<MemoryRow>();
  const model: number[] = [];
  let head = 0;
  for (const each of steps) {
    if ("append" in each) {
      head += each.append;
      log.append(new MemoryRow(rowAt(head)));
      model.push(head);
    } else if (model.length > 0) {
      const [revision] = model.splice(each.remove % model.length, 1);
      log.remove(log.get(revision as number) as MemoryRow);
    }
  }
  return { log, model };
}

function revisionsBehind(log: Log<MemoryRow>, after: number): number[] {
  const found: number[] = [];
  for (let slot = log.slotAfter(after); slot < log.slots; slot += 1) {
    const row = log.rowAt(slot);
    if (row !== undefined) found.push(row.revision);
  }
  return found;
}

test("a log holds what a sorted list of revisions holds, from any revision on", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500, size: "max" }), fc.nat(3000), (steps, after) => {
      const { log, model } = build(steps);
      expect(log.size).toBe(model.length);
      expect(log.oldest?.revision).toBe(model[0]);
      expect(revisionsBehind(log, after)).toEqual(model.filter((revision) => revision > after));
      for (const revision of model) expect(log.get(revision)?.revision).toBe(revision);
    }),
  );
});

test("a row is found by its revision only while it is there", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(250), (steps, revision) => {
      const { log, model } = build(steps);
      expect(log.get(revision) !== undefined).toBe(model.includes(revision));
    }),
  );
});

test("an old row pins nothing: slots stay in proportion to rows", () => {
  const log = new Log<MemoryRow>();
  log.append(new MemoryRow(rowAt(1)));
  for (let revision = 2; revision <= 100_000; revision += 1) {
    log.append(new MemoryRow(rowAt(revision)));
    if (revision > 2) log.remove(log.get(revision - 1) as MemoryRow);
  }
  expect(log.size).toBe(2);
  expect(log.slots).toBeLessThan(300);
  expect(log.oldest?.revision).toBe(1);
  expect(revisionsBehind(log, 0)).toEqual([1, 100_000]);
});

test("a log from which everything went in order takes up no more than its slack", () => {
  const log = new Log<MemoryRow>();
  for (let revision = 1; revision <= 10_000; revision += 1) log.append(new MemoryRow(rowAt(revision)));
  for (let revision = 1; revision <= 10_000; revision += 1) log.remove(log.get(revision) as MemoryRow);
  expect(log.oldest).toBeUndefined();
  expect(log.slots).toBeLessThan(300);
  log.append(new MemoryRow(rowAt(10_001)));
  expect(log.oldest?.revision).toBe(10_001);
});
