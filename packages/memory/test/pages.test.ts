import type { KeyFilter } from "@revkv/api";
import { compileFilter, everyKey, normalizeConfig } from "@revkv/api";
import type { KeyQuery, LogQuery, Row } from "@revkv/api/adapter";
import { applyUnits } from "@revkv/api/adapter";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { readKeyPage } from "../src/key-page.ts";
import { Log } from "../src/log.ts";
import { readLogPage } from "../src/log-page.ts";
import { MemoryLedger } from "../src/memory-ledger.ts";
import { plain } from "./rows.ts";

const noBytes = new Uint8Array(0);

function write(ledger: MemoryLedger, op: "put" | "delete" | "purge", key: string, value: Uint8Array = noBytes): void {
  applyUnits(ledger, [[{ op, key, value, expect: undefined, ttl: undefined }]], 1);
}

const operation = fc.tuple(
  fc.constantFrom("put" as const, "put" as const, "put" as const, "delete" as const, "purge" as const),
  fc
    .tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 12 }))
    .map(([token, number]) => `${token}.${number}`),
  fc.uint8Array({ maxLength: 8 }),
);
const operations = fc.array(operation, { maxLength: 120, size: "max" });
const filter = fc
  .array(fc.constantFrom("a.*", "b.>", "a.3", "b.7", "c.1", "*.2", "none"), { minLength: 1, maxLength: 3 })
  .map((filters) => compileFilter(filters));
const anyFilter = fc.oneof(filter, fc.constant(everyKey));
const history = fc.integer({ min: 1, max: 4 });
const limit = fc.integer({ min: 1, max: 9 });
const maxBytes = fc.constantFrom(1, 20, 1_000_000);

function filled(history: number, written: readonly (readonly ["put" | "delete" | "purge", string, Uint8Array])[]) {
  const ledger = new MemoryLedger(normalizeConfig({ bucket: "b", history }));
  for (const [op, key, value] of written) write(ledger, op, key, op === "put" ? value : noBytes);
  return ledger;
}

/** All rows in revision order, found the long way. */
function everyRow(ledger: MemoryLedger): Row[] {
  const rows: Row[] = [];
  for (let revision = 1; revision <= ledger.revision; revision += 1) {
    const row = ledger.log.get(revision);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

describe("pages of the log", () => {
  test("together give every row that the query asks for, once and in order, with and without resume", () => {
    fc.assert(
      fc.property(
        history,
        operations,
        anyFilter,
        fc.boolean(),
        fc.boolean(),
        fc.nat(60),
        fc.option(fc.nat(150), { nil: undefined }),
        limit,
        maxBytes,
        (history, written, filter, newestOnly, keepResume, from, upTo, limit, maxBytes) => {
          const ledger = filled(history, written);
          const start = Math.min(from, ledger.revision);
          const found: Row[] = [];
          let query: LogQuery = {
            filter,
            after: { revision: start },
            upTo,
            newestOnly,
            values: true,
            limit,
            maxBytes,
          };
          for (let done = false; !done; ) {
            const page = readLogPage(ledger, query);
            expect(page.rows.length).toBeLessThanOrEqual(limit);
            for (const row of page.rows) expect(row.revision).toBeLessThanOrEqual(page.end.revision);
            expect(page.done || page.end.revision > query.after.revision).toBe(true);
            found.push(...page.rows.filter((row) => filter.matches(row.key)));
            query = { ...query, after: page.end, resume: keepResume ? page.resume : undefined };
            done = page.done;
          }
          const wanted = everyRow(ledger).filter(
            (row) =>
              row.revision > start &&
              row.revision <= (upTo ?? ledger.revision) &&
              filter.matches(row.key) &&
              (!newestOnly || ledger.newest(row.key) === row),
          );
          expect(found).toEqual(wanted);
          expect(query.after.revision).toBe(Math.max(start, Math.min(upTo ?? ledger.revision, ledger.revision)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("miss no row that stays, and give none that is gone, when there are writes between them", () => {
    fc.assert(
      fc.property(
        history,
        operations,
        anyFilter,
        fc.boolean(),
        limit,
        fc.array(operation, { maxLength: 30, size: "max" }),
        (history, written, filter, newestOnly, limit, later) => {
          const ledger = filled(history, written);
          const before = everyRow(ledger).filter((row) => filter.matches(row.key));
          const upTo = ledger.revision;
          const found: Row[] = [];
          const writes = later.values();
          let query: LogQuery = {
            filter,
            after: { revision: 0 },
            upTo,
            newestOnly,
            values: true,
            limit,
            maxBytes: 1_000_000,
          };
          for (let done = false; !done; ) {
            const page = readLogPage(ledger, query);
            const given = page.rows.filter((row) => filter.matches(row.key));
            for (const row of given) expect(ledger.kept(row.key)).toContainEqual(row);
            found.push(...given);
            query = { ...query, after: page.end, resume: page.resume };
            done = page.done;
            const next = writes.next().value;
            if (next !== undefined) write(ledger, next[0], next[1], next[0] === "put" ? next[2] : noBytes);
          }
          const stayed = before.filter((row) =>
            newestOnly ? ledger.newest(row.key) === row : ledger.kept(row.key).some((kept) => kept === row),
          );
          expect(found).toEqual(expect.arrayContaining(stayed));
          expect(found.map((row) => row.revision)).toEqual(
            [...new Set(found.map((row) => row.revision))].sort((a, b) => a - b),
          );
        },
      ),
    );
  });

  test("reach the head, wherever it is by then, when the query has no end", () => {
    fc.assert(
      fc.property(
        history,
        operations,
        filter,
        limit,
        fc.array(operation, { maxLength: 30, size: "max" }),
        (history, written, filter, limit, later) => {
          const ledger = filled(history, written);
          const found: Row[] = [];
          const writes = later.values();
          let query = logQuery(filter, { limit });
          for (let done = false; !done; ) {
            const page = readLogPage(ledger, query);
            found.push(...page.rows.filter((row) => filter.matches(row.key)));
            query = { ...query, after: page.end, resume: page.resume };
            const next = writes.next().value;
            if (next !== undefined) write(ledger, next[0], next[1], next[0] === "put" ? next[2] : noBytes);
            done = page.done && next === undefined;
          }
          const kept = everyRow(ledger).filter((row) => filter.matches(row.key));
          expect(found).toEqual(expect.arrayContaining(kept));
          expect(query.after.revision).toBe(ledger.revision);
        },
      ),
    );
  });

  test("without values have empty ones, and true lengths", () => {
    const ledger = filled(1, [["put", "a", new Uint8Array([1, 2, 3])]]);
    const { rows } = readLogPage(ledger, logQuery(everyKey, { values: false }));
    expect(rows).toMatchObject([{ key: "a", value: noBytes, length: 3 }]);
    expect(plain([ledger.newest("a")])).toMatchObject([{ value: [1, 2, 3] }]);
  });

  test("give the expiry that holds: the earlier of the entry's and the bucket's", () => {
    const ledger = new MemoryLedger(normalizeConfig({ bucket: "b", ttl: 100, limitMarkerTtl: 1000 }));
    const put = { op: "put", value: noBytes, expect: undefined } as const;
    applyUnits(ledger, [[{ ...put, key: "a", ttl: 10 }], [{ ...put, key: "b", ttl: 1000 }]], 5);
    const { rows } = readLogPage(ledger, logQuery(everyKey));
    expect(rows.map((row) => row.expiresAt)).toEqual([15, 105]);
  });

  test("of few matches in a long log are read by way of the keys", () => {
    const ledger = large();
    const looked = vi.spyOn(Log.prototype, "rowAt");
    for (const filter of [compileFilter("few.*"), compileFilter("few.7"), compileFilter(["few.7", "few.9"])]) {
      for (const newestOnly of [true, false]) {
        expect(readLogPage(ledger, logQuery(filter, { newestOnly })).done).toBe(true);
      }
    }
    expect(looked).not.toHaveBeenCalled();
    looked.mockRestore();
  });

  test("of a filter that matches little end early rather than hold the process", () => {
    const page = readLogPage(large(), logQuery(compileFilter("*.7")));
    expect(page.done).toBe(false);
    expect(page.end.revision).toBeLessThan(20_000);
  });
});

describe("pages of the keys", () => {
  test("together give every live key that matches, once and in order", () => {
    fc.assert(
      fc.property(operations, anyFilter, limit, maxBytes, fc.boolean(), (written, filter, limit, maxBytes, values) => {
        const ledger = filled(3, written);
        const found: Row[] = [];
        let query: KeyQuery = { filter, after: "", values, limit, maxBytes };
        for (let done = false; !done; ) {
          const page = readKeyPage(ledger, query);
          expect(page.rows.length).toBeLessThanOrEqual(limit);
          found.push(...page.rows.filter((row) => filter.matches(row.key)));
          query = { ...query, after: page.end };
          done = page.done;
        }
        const keys = [...new Set(everyRow(ledger).map((row) => row.key))].sort();
        const wanted = keys.filter((key) => filter.matches(key) && ledger.newest(key)?.operation === "PUT");
        expect(found.map((row) => row.key)).toEqual(wanted);
        for (const row of found) expect(row.revision).toBe(ledger.newest(row.key)?.revision);
      }),
    );
  });

  test("look at the filter's range only", () => {
    const ledger = large();
    const looked = vi.spyOn(ledger, "newest");
    const query = { after: "", values: true, limit: 500, maxBytes: 1_000_000 };
    expect(readKeyPage(ledger, { ...query, filter: compileFilter("few.*") }).rows).toHaveLength(20);
    expect(readKeyPage(ledger, { ...query, filter: compileFilter(["few.7", "none"]) }).rows).toHaveLength(1);
    expect(looked.mock.calls.length).toBeLessThan(30);
  });

  test("of a filter that matches little end early rather than hold the process", () => {
    const query = { after: "", values: true, limit: 500, maxBytes: 1_000_000 };
    const page = readKeyPage(large(), { ...query, filter: compileFilter("*.nothing") });
    expect(page).toMatchObject({ rows: [], done: false });
  });
});

/** 20 keys among 30,000 others. */
function large(): MemoryLedger {
  const ledger = new MemoryLedger(normalizeConfig({ bucket: "b", history: 2 }));
  for (let index = 0; index < 30_000; index += 1) write(ledger, "put", `many.${index}`);
  for (let index = 0; index < 20; index += 1) write(ledger, "put", `few.${index}`);
  return ledger;
}

function logQuery(filter: KeyFilter, fields: Partial<LogQuery> = {}): LogQuery {
  return {
    filter,
    after: { revision: 0 },
    upTo: undefined,
    newestOnly: false,
    values: true,
    limit: 500,
    maxBytes: 1_000_000,
    ...fields,
  };
}
