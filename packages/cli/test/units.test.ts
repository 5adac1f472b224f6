import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { takeParameter } from "../src/adapters.ts";
import { formatDuration, parseDuration } from "../src/cli/duration.ts";
import { describeError, withoutPasswords } from "../src/cli/failure.ts";
import { Output } from "../src/cli/output.ts";
import { formatSize, parseSize } from "../src/cli/size.ts";
import { parseBucketUrl } from "../src/cli/store-url.ts";
import { printTable } from "../src/cli/table.ts";
import { UsageError } from "../src/cli/usage-error.ts";
import { shownOnOneLine, shownValue } from "../src/cli/value-text.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("durations", () => {
  test.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["5m", 300_000],
    ["2h30m", 9_000_000],
    ["7d", 604_800_000],
    ["1.5s", 1500],
    ["0s", 0],
    ["0", 0],
  ])("%s", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
    expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
  });

  test.each(["", "10", "s", "5 m", "1h-3m", "-1s", "10sx", "x10s", "1e3s", "999999999999d"])("%j is none", (text) => {
    expect(() => parseDuration(text)).toThrow(UsageError);
  });
});

describe("sizes", () => {
  test.each([
    ["512", 512],
    ["512B", 512],
    ["64KB", 65_536],
    ["64k", 65_536],
    ["1MB", 1_048_576],
    ["1MiB", 1_048_576],
    ["1.5 GB", 1_610_612_736],
  ])("%s", (text, size) => {
    expect(parseSize(text)).toBe(size);
    expect(parseSize(formatSize(size))).toBe(size);
  });

  test.each(["", "KB", "-1", "1PB", "1e3", "1KBx", "99999999TB"])("%j is none", (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
  });
});

describe("a bucket's URL", () => {
  test.each([
    ["flags", undefined, "flags"],
    ["sqlite:./app.db/flags", "sqlite:./app.db", "flags"],
    ["sqlite:/var/what?/app.db/flags", "sqlite:/var/what?/app.db", "flags"],
    ["memory:name/flags", "memory:name", "flags"],
    ["postgres://u:p@host/db/flags?schema=a/b", "postgres://u:p@host/db?schema=a/b", "flags"],
    ["redis://host:6379/flags", "redis://host:6379", "flags"],
    ["redis://host:6379/0/flags?prefix=x", "redis://host:6379/0?prefix=x", "flags"],
  ])("%s", (text, store, bucket) => {
    expect(parseBucketUrl(text)).toEqual({ store, bucket });
  });

  test.each(["sqlite:app.db", "redis://host", "redis://host/", "postgres://host/db/a.b", "nats:"])(
    "%s is none",
    (text) => {
      expect(() => parseBucketUrl(text)).toThrow(UsageError);
    },
  );
});

describe("a parameter of ours in a URL", () => {
  test.each([
    ["postgres://host/db", "postgres://host/db", null],
    ["postgres://host/db?schema=a", "postgres://host/db", "a"],
    [
      "postgres://me:p%20w@host/db?options=-c%20x%3D1&schema=a%2Fb&ssl=1",
      "postgres://me:p%20w@host/db?options=-c%20x%3D1&ssl=1",
      "a/b",
    ],
    ["postgres://me@/db?host=/run/postgresql&schema=a", "postgres://me@/db?host=/run/postgresql", "a"],
    ["postgres://host/db?myschema=a", "postgres://host/db?myschema=a", null],
  ])("%s", (url, rest, value) => {
    expect(takeParameter(url, "schema")).toEqual({ rest, value });
  });
});

describe("values are shown as text when a terminal can show them", () => {
  test.each([
    [bytes("héllo ✓ 👩‍🚀\n\tx"), "héllo ✓ 👩‍🚀\n\tx"],
    [bytes("\u001b[31mred"), "G1szMW1yZWQ="],
    [bytes("a\rb"), "YQ1i"],
    [bytes("\u202eabc"), "4oCuYWJj"],
    [Uint8Array.of(255, 0), "/wA="],
  ])("%#", (value, text) => {
    expect(shownValue(value)).toBe(text);
  });

  test("on one line", () => {
    expect(shownOnOneLine(bytes("a\n\tb"))).toBe("a\\n\\tb");
  });
});

test("a table of very many rows is one table", { timeout: 120_000 }, async () => {
  let text = "";
  const stream = new Writable({
    write: (chunk, _, done) => {
      text += String(chunk);
      done();
    },
  });
  const rows = Array.from({ length: 130_000 }, (_, index) => [`key.${index}`]);
  await printTable(new Output(false, stream), ["Key"], rows);
  const lines = text.trimEnd().split("\n");
  const width = "key.129999".length + 2;
  const border = "─".repeat(width);
  expect([...lines.slice(0, 4), lines.length, ...lines.slice(-2)]).toEqual([
    `┌${border}┐`,
    `│ Key${" ".repeat(width - 4)}│`,
    `├${border}┤`,
    `│ key.0${" ".repeat(width - 6)}│`,
    rows.length + 4,
    "│ key.129999 │",
    `└${border}┘`,
  ]);
  expect(lines[1002]).toContain("key.999 ");
  expect(lines[1003]).toContain("key.1000 ");
});

describe("errors", () => {
  test("passwords are left out of URLs", () => {
    expect(withoutPasswords("no postgres://me:p@ss:w/o@host/db?password=x&a=b and redis://:secret@host")).toBe(
      "no postgres://…@host/db?password=…&a=b and redis://…@host",
    );
    // A token of NATS is there alone.
    expect(withoutPasswords('"nats://token@host" is none')).toBe('"nats://…@host" is none');
  });

  test("are one line, with the deepest cause that says something", () => {
    const refused = new Error("connect ECONNREFUSED");
    const cause = new Error("could not\n connect", { cause: new AggregateError([refused], "") });
    expect(describeError(new Error("no server", { cause }))).toBe("no server: connect ECONNREFUSED");
  });
});
