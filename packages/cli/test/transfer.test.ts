import { copyFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { KeyValue } from "@revkv/api";
import { beforeAll, describe, expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { BucketWriter } from "../src/transfer/bucket-writer.ts";
import { CopyConflict, copyEntries } from "../src/transfer/copy.ts";
import { readLog } from "../src/transfer/read-log.ts";
import { bucketUrl } from "./bucket-url.ts";
import { holdEntries } from "./held-entries.ts";
import { fill, randomNumbers } from "./load.ts";
import { json, jsonLines, printed, revkv } from "./revkv.ts";
import { natsStore, postgresStore, redisStore, sqliteStore, temporaryDirectory } from "./stores.ts";

/** How many keys the bucket has that goes around; more by the environment, to try it at full size. */
const keys = Number(process.env["REVKV_TEST_COPY_KEYS"] ?? 5000);

/** An export without what differs in a copy: revisions and times. */
async function exported(store: string, bucket: string): Promise<Exported> {
  const deadlines: number[] = [];
  const lines = jsonLines(await printed(["export", bucket, "-s", store])).map(
    ({ revision: _, created: __, exportedAt: ___, lastRevision: ____, expiresAt, ...line }) => {
      deadlines.push(expiresAt === undefined ? 0 : Date.parse(String(expiresAt)));
      return line;
    },
  );
  return { lines, deadlines };
}

interface Exported {
  readonly lines: readonly Record<string, unknown>[];
  /** When each line's entry expires, in milliseconds since 1970; 0: never. */
  readonly deadlines: readonly number[];
}

/** A deadline is carried over by what was left of it. */
function expectSame(actual: Exported, original: Exported, from = 0): void {
  expect(actual.lines.slice(from)).toEqual(original.lines.slice(from));
  const apart = actual.deadlines.map((deadline, index) => Math.abs(deadline - (original.deadlines[index] ?? 0)));
  expect(apart.filter((milliseconds) => milliseconds >= 60_000)).toEqual([]);
}

test("a key that is always written before it is read is read nevertheless", async () => {
  const manager = await connect("memory:");
  const store = await manager.createKeyValue({ bucket: "b", history: 2 });
  for (const key of ["hot", "deleted", "cold"]) await store.put(key, "1");
  await store.delete("deleted");
  // The line between what is there and what comes is drawn before, and what is there read after this.
  const busy: KeyValue = new Proxy(store, {
    get: (bucket, name) => {
      const value: unknown = Reflect.get(bucket, name, bucket);
      if (name !== "watch") return typeof value === "function" ? value.bind(bucket) : value;
      return async (...args: Parameters<KeyValue["watch"]>) => {
        const watcher = await bucket.watch(...args);
        for (const text of ["2", "3"]) await bucket.put("hot", text);
        return watcher;
      };
    },
  });
  const read: string[] = [];
  for await (const { key, operation } of readLog(busy, [], AbortSignal.timeout(10_000)))
    read.push(`${operation} ${key}`);
  expect(read).toEqual(["PUT deleted", "PUT cold", "DEL deleted", "PUT hot", "PUT hot"]);
  await manager.close();
});

describe("export, import and copy", { timeout: 600_000 }, () => {
  const places: string[] = [];
  let original: Exported;

  beforeAll(async () => {
    for (const kind of [sqliteStore, postgresStore, redisStore, sqliteStore]) places.push(await kind.open());
    const manager = await connect(places[0] ?? "", { timeout: 60_000 });
    await fill(manager, "full", keys);
    await manager.close();
    original = await exported(places[0] ?? "", "full");
  }, 600_000);

  test("a bucket that is copied around all stores is the same in the end, entry by entry", async () => {
    for (const [index, place] of places.slice(1).entries()) {
      const source = bucketUrl(places[index] ?? "", "full");
      const [copied] = await json(["copy", source, bucketUrl(place, "full")]);
      expect(copied).toMatchObject({ bucket: "full", entries: original.lines.length - 2 });
    }
    expect(original.lines.length).toBeGreaterThan(keys * 2);
    expectSame(await exported(places.at(-1) ?? "", "full"), original);
  });

  test("what NATS can hold is the same when it has been copied there and back, entry by entry", async () => {
    const [first, nats, last] = [await sqliteStore.open(), await natsStore.open(), await sqliteStore.open()];
    const manager = await connect(first);
    const store = await manager.createKeyValue({ bucket: "b", history: 5 });
    const random = randomNumbers(3);
    const writes = Array.from({ length: 2000 }, (_, index) => {
      const key = `key.${random(300)}`;
      const what = random(12);
      if (what === 0) return store.delete(key);
      if (what === 1) return store.purge(key);
      return store.put(key, what === 2 ? Uint8Array.of(0, 255, index % 256) : `value ${index}`);
    });
    await Promise.all(writes);
    await manager.close();
    await printed(["copy", bucketUrl(first, "b"), bucketUrl(nats, "b")]);
    await printed(["copy", bucketUrl(nats, "b"), bucketUrl(last, "b")]);
    const [there, back] = [await exported(first, "b"), await exported(last, "b")];
    expect(there.lines.length).toBeGreaterThan(500);
    expectSame(back, there, 1);
  });

  test("an export is imported into every store, and says which revisions became which", async () => {
    const file = join(await temporaryDirectory(), "full.ndjson");
    await writeFile(file, await printed(["export", "full", "-s", places[0] ?? ""]));
    const lines = await json(["import", "again", "--file", file, "-s", places[1] ?? ""]);
    const done = lines.pop();
    expect(done).toMatchObject({ bucket: "again", entries: lines.length });
    expect(lines.map(({ importedAs }) => importedAs)).toEqual(lines.map((_, index) => index + 1));
    expectSame(await exported(places[1] ?? "", "again"), original, 1);
    const newest = lines.at(-1);
    const [there] = await json(["get", "again", "expiring", "-s", places[1] ?? ""]);
    expect(there?.["revision"]).toBe(newest?.["importedAs"]);
  });

  test("only keys that match are exported", async () => {
    const lines = jsonLines(await printed(["export", "full", "deleted", "purged", "-s", places[0] ?? ""]));
    expect(lines.map(({ key, operation }) => [key, operation])).toEqual([
      [undefined, undefined],
      ["deleted", "DEL"],
      ["deleted", "PUT"],
      ["deleted", "DEL"],
      ["purged", "PURGE"],
      [undefined, undefined],
    ]);
  });

  test("a bucket that was written to is not written over, unless with --force", async () => {
    const source = bucketUrl(places[0] ?? "", "full");
    const target = bucketUrl(await sqliteStore.open(), "kept");
    await printed(["copy", source, target]);
    expect(await revkv(["copy", source, target])).toMatchObject({ code: 4, stdout: "" });
    await printed(["copy", source, target, "-f"]);
  });

  test("of two copies into one empty bucket one is refused, and the other is whole", async () => {
    const [source, to] = [bucketUrl(places[0] ?? "", "full"), await postgresStore.open()];
    await printed(["add", "once", "--history", "5", "--marker-ttl", "1h", "-s", to]);
    const held = await holdEntries(to);
    const copies = [1, 2].map(() => revkv(["copy", source, bucketUrl(to, "once"), "--timeout", "60s"]));
    await held.untilWaiting(2);
    await held.release();
    const [done, refused] = (await Promise.all(copies)).sort((a, b) => Number(a.code) - Number(b.code));
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(refused).toMatchObject({
      code: 4,
      stdout: "",
      stderr: "revkv: something else writes to bucket once: name another, or delete it and copy anew\n",
    });
    expectSame(await exported(to, "once"), original, 1);
  });

  test("a copy notices what others write to its target meanwhile", async () => {
    const manager = await connect("memory:");
    const bucket = await manager.createKeyValue({ bucket: "b" });
    const { config } = await bucket.status();
    const entry = { operation: "PUT", revision: 1, value: "1", length: 1, expiresAt: undefined } as const;
    const written = async (isSole: boolean, ...otherKeys: readonly string[]): Promise<number> => {
      const writer = new BucketWriter(bucket, config, manager.capabilities);
      const entries = (async function* () {
        for (let index = 0; index < 2000; index += 1) yield { ...entry, key: `key.${index}` };
      })();
      const onWritten = async (): Promise<void> => {
        for (const key of otherKeys) await bucket.put(key, "2");
      };
      return (await copyEntries(entries, writer, { isSole, signal: AbortSignal.timeout(60_000), onWritten })).entries;
    };
    await expect(written(true, "other")).rejects.toBeInstanceOf(CopyConflict);
    expect((await bucket.keys()).length).toBe(1001);
    await expect(written(true)).rejects.toBeInstanceOf(CopyConflict);
    expect((await bucket.status()).lastRevision).toBe(1001);
    expect(await written(false, "other")).toBe(2000);
    await manager.close();
  });

  test("a copied file is another store, though its buckets are told by the same incarnations", async () => {
    const store = await sqliteStore.open();
    await printed(["add", "b", "-s", store]);
    await printed(["put", "b", "a", "1", "-s", store]);
    const other = join(await temporaryDirectory(), "copied.db");
    await copyFile(store.slice("sqlite:".length), other);
    const pair = [bucketUrl(store, "b"), bucketUrl(`sqlite:${other}`, "b")] as const;
    expect(await revkv(["copy", ...pair])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("bucket b has been written to before") as string,
    });
    await printed(["copy", "--force", ...pair]);
    expect(await json(["get", "b", "a", "-s", `sqlite:${other}`])).toMatchObject([{ revision: 2, value: "1" }]);
    expect(await json(["ls", "-s", `sqlite:${other}`])).toHaveLength(1);
  });

  test("a value that the target does not take is named", async () => {
    const [from, to] = [await sqliteStore.open(), await postgresStore.open()];
    await printed(["add", "b", "-s", from]);
    for (const [key, value] of [
      ["a", "1"],
      ["b", "é".repeat(6)],
      ["c", "x".repeat(11)],
    ]) {
      await printed(["put", "b", key ?? "", value ?? "", "-s", from]);
    }
    await printed(["add", "small", "--max-value-size", "10", "-s", to]);
    expect(await revkv(["copy", bucketUrl(from, "b"), bucketUrl(to, "small")])).toMatchObject({
      code: 1,
      stderr: "revkv: b, revision 2: the value has 12 bytes, at most 10 are possible\n",
    });
  });

  test("a store that is named in two ways is one: nothing is copied onto itself, or deleted to be mirrored anew", async () => {
    for (const { open } of [sqliteStore, redisStore]) {
      const store = await open();
      const other = store.startsWith("sqlite:")
        ? `sqlite:${relative(process.cwd(), store.slice("sqlite:".length))}`
        : store.replace("127.0.0.1", "localhost");
      await printed(["add", "b", "-s", store]);
      await printed(["put", "b", "a", "1", "-s", store]);
      for (const args of [
        ["copy", "--force"],
        ["mirror", "--resync"],
      ]) {
        expect(await revkv([...args, bucketUrl(store, "b"), bucketUrl(other, "b")])).toMatchObject({
          code: 2,
          stderr: "revkv: source and target are the same bucket\n",
        });
      }
      expect(await json(["history", "b", "a", "-s", store])).toMatchObject([{ revision: 1, value: "1" }]);
    }
  });

  test("what has expired before it arrives is gone, with its history", async () => {
    const store = await sqliteStore.open();
    const created = "2020-01-01T00:00:00.000Z";
    const lines = [
      {
        type: "revkv-export",
        version: 1,
        exportedAt: created,
        lastRevision: 2,
        config: { bucket: "old", history: 5, limitMarkerTtl: 60_000 },
      },
      { key: "a", operation: "PUT", revision: 1, created, value: "older" },
      { key: "a", operation: "PUT", revision: 2, created, value: "newer", expiresAt: "2020-01-02T00:00:00.000Z" },
      { type: "end", entries: 2 },
    ];
    await printed(["import", "-s", store], { stdin: lines.map((line) => `${JSON.stringify(line)}\n`).join("") });
    expect(await revkv(["get", "old", "a", "-s", store])).toMatchObject({ code: 3 });
    const left = jsonLines(await printed(["export", "old", "-s", store]));
    expect(left.filter(({ operation }) => operation === "PUT")).toEqual([]);
  });

  const header = '{"type":"revkv-export","version":1,"config":{"bucket":"b"}}\n';
  const entry = '{"key":"a","operation":"PUT","revision":1,"value":"x"}\n';
  const whole = `${header}${entry}{"type":"end","entries":1}\n`;
  test.concurrent.each([
    ["", /begins with/],
    ["{}\n", /begins with/],
    [header.replace("1,", "2,"), /version is 2,/],
    [header.replace("1,", "0,"), /version is 0,/],
    [header.replace('{"bucket":"b"}', "null"), /no config/],
    [header.replace('{"bucket":"b"}', "[]"), /no config/],
    [header, /cut short after 0 entries/],
    [`${header}{"key":"a","operation":"PUT","revision":1,"value":"x"}\n`, /cut short after 1 entries/],
    [`${header}{"type":"end","entries":1}\n`, /line 2 .* says that there are 1/],
    [`${header}no json\n`, /line 2 .* no object of JSON/],
    [`${header}{"key":"a b","operation":"PUT","revision":1,"value":"x"}\n`, /line 2 .* no key/],
    [`${header}{"key":"a","operation":"PAT","revision":1,"value":"x"}\n`, /operation/],
    [`${header}{"key":"a","operation":"PUT","value":"x"}\n`, /no revision/],
    [`${header}{"key":"a","operation":"PUT","revision":-1,"value":"x"}\n`, /no revision/],
    [`${whole}${whole}`, /line 4 .* something follows its end/],
    [`${header}${entry}\u00ff\n`, /line 3 .* no UTF-8/],
    [`${header}${entry}\u00c3`, /line 3 .* no UTF-8/],
    [`${header}{"key":"a","operation":"PUT","revision":1}\n`, /has a value/],
    [`${header}{"key":"a","operation":"PUT","revision":1,"value":"\\ud800"}\n`, /has a value/],
    [`${header}{"key":"a","operation":"PUT","revision":1,"base64":"%%"}\n`, /has a value/],
    [`${header}{"key":"a","operation":"PUT","revision":1,"value":"x","expiresAt":"soon"}\n`, /no time/],
    [`${header}{"key":"a","operation":"PUT","revision":1,"value":"x","expiresAt":"2"}\n`, /no time/],
    [`${header}{"key":"a","operation":"PUT","revision":1,"value":"x","expiresAt":"2026-13-01T00:00:00Z"}\n`, /no time/],
    [`${header}{"key":"a","operation":"PUT","revision":1,"value":"x","expiresAt":null}\n`, /no time/],
  ])("what is no export is refused: %j", async (stdin, message) => {
    // A character is a byte.
    const ended = await revkv(["import", "-s", await sqliteStore.open()], { stdin: Buffer.from(stdin, "latin1") });
    expect(ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/^revkv: [^\n]+\n$/) as string });
    expect(ended.stderr).toMatch(message);
  });
});
