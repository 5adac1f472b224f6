import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { KeyValue, KeyValueEntry, KeyValueManager } from "@revkv/api";
import { afterEach, describe, expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { bucketUrl } from "./bucket-url.ts";
import { randomNumbers } from "./load.ts";
import { endOf, printed, revkv, startRevkv } from "./revkv.ts";
import type { StoreKind } from "./stores.ts";
import { natsStore, postgresStore, redisStore, sqliteStore } from "./stores.ts";

const opened: KeyValueManager[] = [];
const running: ReturnType<typeof startRevkv>[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  await Promise.all(opened.splice(0).map((manager) => manager.close()));
});

async function open(url: string): Promise<KeyValueManager> {
  const manager = await connect(url, { timeout: 30_000 });
  opened.push(manager);
  return manager;
}

/** Starts a mirror; `until` resolves when it tells of an event. */
function startMirror(source: string, target: string, ...more: readonly string[]) {
  const child = startRevkv(["mirror", source, target, "--json", "--timeout", "30s", ...more]);
  running.push(child);
  const seen = new Set<unknown>();
  const waiting: (() => void)[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    seen.add((JSON.parse(line) as { readonly event: string }).event);
    for (const check of waiting) check();
  });
  const ended = endOf(child);
  const until = (event: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (seen.has(event)) resolve();
      };
      waiting.push(check);
      check();
      ended.then(({ stderr }) => reject(new Error(`it ended before "${event}": ${stderr}`)), reject);
    });
  return { child, ended, until };
}

/** Each key's history, as far as it is to be the same in a mirror. */
async function histories(store: KeyValue): Promise<Map<string, string[]>> {
  const byKey = new Map<string, string[]>();
  for await (const entry of await store.watch(">", { includeHistory: true })) {
    if (entry === null) break;
    byKey.set(entry.key, [...(byKey.get(entry.key) ?? []), told(entry)]);
  }
  return new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function told({ operation, length, value }: KeyValueEntry): string {
  return `${operation} ${length} ${Buffer.from(value).toString("base64")}`;
}

/** Waits until the mirror has what the source has. */
async function untilSame(source: KeyValue, target: KeyValue): Promise<void> {
  await expect.poll(() => histories(target), { interval: 200 }).toEqual(await histories(source));
}

const pairs: readonly { readonly from: StoreKind; readonly to: StoreKind }[] = [
  { from: sqliteStore, to: postgresStore },
  { from: postgresStore, to: redisStore },
  { from: redisStore, to: sqliteStore },
  { from: sqliteStore, to: natsStore },
  { from: natsStore, to: sqliteStore },
];

describe.each(pairs)("mirror from $from.name to $to.name", { timeout: 300_000 }, ({ from, to }) => {
  test("killed at random moments and started again, each entry gets there once", async () => {
    const [sourceUrl, targetUrl] = [await from.open(), await to.open()];
    const source = await (await open(sourceUrl)).createKeyValue({
      bucket: "source",
      history: 30,
      ...(from.isFull ? { limitMarkerTtl: 3_600_000 } : {}),
    });
    const random = randomNumbers(11);
    let count = 0;
    // So many keys that no history is full, and equal values: an entry that is there twice stays there to be seen.
    const writeSome = async (): Promise<void> => {
      const writes = Array.from({ length: 200 }, () => {
        const key = `key.${random(3000)}`;
        const what = random(15);
        if (what === 0) return source.delete(key);
        if (what === 1) return source.purge(key);
        return source.put(key, "same", what === 2 && from.isFull ? { ttl: 3_600_000 } : {});
      });
      count += (await Promise.all(writes)).length;
    };
    for (let round = 0; round < 25; round += 1) await writeSome();

    const [a, b] = [bucketUrl(sourceUrl, "source"), bucketUrl(targetUrl, "target")];
    let isWriting = true;
    const writing = (async () => {
      while (isWriting) {
        await writeSome();
        await delay(50);
      }
    })();
    try {
      for (let kill = 0; kill < 6; kill += 1) {
        const { child, until } = startMirror(a, b);
        await until("started");
        await delay(random(250));
        child.kill("SIGKILL");
        await once(child, "close");
      }
    } finally {
      isWriting = false;
      await writing;
    }
    expect(count).toBeGreaterThan(5000);

    const last = startMirror(a, b);
    await last.until("caught-up");
    const target = await (await open(targetUrl)).keyValue("target");
    await untilSame(source, target);
    last.child.kill("SIGINT");
    const { code, stderr } = await last.ended;
    expect([code, stderr === "" || !to.isFull]).toEqual([0, true]);
  });
});

describe("mirror", { timeout: 120_000 }, () => {
  async function mirrored() {
    const [sourceUrl, targetUrl] = [await sqliteStore.open(), await sqliteStore.open()];
    const source = await (await open(sourceUrl)).createKeyValue({ bucket: "s", history: 3, limitMarkerTtl: 60_000 });
    await source.put("a", "1");
    const [a, b] = [bucketUrl(sourceUrl, "s"), bucketUrl(targetUrl, "t")];
    const first = startMirror(a, b);
    await first.until("caught-up");
    return { source, sourceUrl, targetUrl, a, b, first };
  }

  async function stop({ child, ended }: ReturnType<typeof startMirror>): Promise<void> {
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
  }

  test("follows changes, and expiries arrive as markers", async () => {
    const { source, targetUrl, first } = await mirrored();
    const target = await (await open(targetUrl)).keyValue("t");
    const watcher = await target.watch(["b", "c"], { updatesOnly: true });
    await source.put("b", "1");
    await source.put("c", "1", { ttl: 500 });
    const seen: string[] = [];
    for await (const entry of watcher) {
      if (entry !== null) seen.push(`${entry.operation} ${entry.key}`);
      if (seen.includes("PURGE c")) break;
    }
    // A value that expires before it is read does not arrive.
    expect(seen.filter((item) => item !== "PUT c")).toEqual(["PUT b", "PURGE c"]);
    await stop(first);
  });

  test("does not go on in a target that something else has written to, but anew with --resync", async () => {
    const { source, targetUrl, a, b, first } = await mirrored();
    await stop(first);
    await printed(["put", "t", "stranger", "1", "-s", targetUrl]);
    await source.put("a", "2");
    expect(await revkv(["mirror", a, b])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("--resync") as string,
    });
    const again = startMirror(a, b, "--resync");
    await again.until("caught-up");
    const target = await (await open(targetUrl)).keyValue("t");
    expect(await histories(target)).toEqual(await histories(source));
    await stop(again);
  });

  test("stops when something else writes while it runs", async () => {
    const { source, targetUrl, first } = await mirrored();
    await printed(["put", "t", "stranger", "1", "-s", targetUrl]);
    await source.put("a", "2");
    expect(await first.ended).toMatchObject({ code: 4, stderr: expect.stringContaining("something else") as string });
  });

  test("of two mirrors with one target the newer goes on", async () => {
    const { source, a, b, targetUrl, first } = await mirrored();
    const second = startMirror(a, b);
    await second.until("caught-up");
    await source.put("a", "2");
    const target = await (await open(targetUrl)).keyValue("t");
    await untilSame(source, target);
    expect(await first.ended).toMatchObject({ code: 4, stderr: expect.stringContaining("another process") as string });
    await stop(second);
  });

  test("tells when deletions were compacted while it was away", async () => {
    const { source, targetUrl, a, b, first } = await mirrored();
    await stop(first);
    await source.delete("a");
    await source.purgeDeletes({ olderThan: 0 });
    expect(await revkv(["mirror", a, b])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--resync") as string,
    });
    const again = startMirror(a, b, "--resync");
    await again.until("caught-up");
    expect(await (await (await open(targetUrl)).keyValue("t")).keys()).toEqual([]);
    await stop(again);
  });

  test("goes on in a bucket whose deletions were compacted before it began", async () => {
    const sourceUrl = await sqliteStore.open();
    const source = await (await open(sourceUrl)).createKeyValue({ bucket: "s", history: 3 });
    for (const key of ["a", "b", "c"]) await source.put(key, key);
    await source.delete("c");
    await source.purgeDeletes({ olderThan: 0 });
    const targetUrl = await sqliteStore.open();
    const [a, b] = [bucketUrl(sourceUrl, "s"), bucketUrl(targetUrl, "t")];
    for (let round = 0; round < 2; round += 1) {
      const child = startMirror(a, b);
      await child.until("caught-up");
      await stop(child);
    }
    await source.put("d", "d");
    const last = startMirror(a, b);
    await last.until("caught-up");
    expect(await histories(await (await open(targetUrl)).keyValue("t"))).toEqual(await histories(source));
    await stop(last);
  });

  test("refuses a source that was created again, a bucket that is in use, and itself", async () => {
    const { sourceUrl, targetUrl, a, b, first } = await mirrored();
    await stop(first);
    const manager = await open(sourceUrl);
    await manager.deleteKeyValue("s");
    await manager.createKeyValue({ bucket: "s" });
    expect(await revkv(["mirror", a, b])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("another bucket") as string,
    });
    await printed(["add", "used", "-s", targetUrl]);
    await printed(["put", "used", "a", "1", "-s", targetUrl]);
    expect(await revkv(["mirror", a, bucketUrl(targetUrl, "used")])).toMatchObject({ code: 4 });
    expect(await revkv(["mirror", a, a])).toMatchObject({ code: 2 });
    const state = bucketUrl(targetUrl, "revkv-mirrors");
    for (const pair of [
      [a, state],
      [state, bucketUrl(targetUrl, "of-mirrors")],
    ]) {
      expect(await revkv(["mirror", ...pair])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("is not mirrored") as string,
      });
    }
  });
});
