import type { Row } from "@revkv/api/adapter";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "../src/deadlines.ts";
import { rowAt } from "./rows.ts";

const deadline = fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined });

test("deadlines give what a sorted list gives, also when many fall on the same moment", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(deadline, fc.boolean()), { maxLength: 300 }), fc.nat(60), (given, now) => {
      const deadlines = new Deadlines();
      const rows = given.map(([expiresAt], index) => rowAt(index + 1, { expiresAt }));
      for (const row of rows) deadlines.add(row);
      const left: Row[] = [];
      for (const [index, row] of rows.entries()) {
        if (given[index]?.[1]) left.push(row);
        else deadlines.delete(row);
      }
      const own = left.flatMap((row) => (row.expiresAt === undefined ? [] : [{ ...row, expiresAt: row.expiresAt }]));
      own.sort((a, b) => a.expiresAt - b.expiresAt || a.revision - b.revision);
      expect(deadlines.earliest).toBe(own[0]?.expiresAt ?? Number.POSITIVE_INFINITY);
      expect([...deadlines.passed(now)]).toEqual(own.filter((row) => row.expiresAt <= now));
    }),
  );
});
