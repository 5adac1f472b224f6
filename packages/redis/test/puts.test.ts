import type { KeyValueConfig } from "@revkv/api";
import type { Unit, Write } from "@revkv/api/adapter";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { BucketScripts } from "../src/bucket-scripts.ts";
import { Commands } from "../src/commands.ts";
import { connect } from "../src/index.ts";
import { Nonces } from "../src/nonces.ts";
import { commitArguments, outcomesOf, putArguments } from "../src/outcomes.ts";
import type { AnyRedis } from "../src/redis-client.ts";
import { later, server } from "./open.ts";

const rowSize = 27;

/** A bucket and its scripts, called without what a manager does around them. */
interface Direct {
  readonly scripts: BucketScripts;
  readonly client: Redis;
}

async function direct(url: string, config: KeyValueConfig): Promise<Direct> {
  const { bucket } = config;
  const manager = await connect({ url });
  const { incarnation } = await (await manager.createKeyValue(config)).status();
  // So that nobody looks for what is due.
  await manager.close();
  const client = new Redis(url);
  later(() => client.disconnect());
  const commands = new Commands(client as unknown as AnyRedis);
  return { client, scripts: new BucketScripts(commands, new Nonces(), "revkv", bucket, incarnation) };
}

/** A head, or the state, without the times in it. */
function timeless(key: string, stored: Buffer): string {
  const copy = Buffer.from(stored);
  if (key === "") {
    copy.fill(0, 66, 74);
    copy.fill(0, 90, 98);
    return copy.toString("hex");
  }
  for (let row = 0; row < copy.readUInt8(0); row += 1) {
    const at = 1 + row * rowSize;
    copy.fill(0, at + 8, at + 14);
    if (copy.readBigUInt64BE(at + 14) > 0) copy.fill(1, at + 14, at + 22);
  }
  return copy.toString("hex");
}

/** All that is stored of a bucket, but for times. */
async function stored({ scripts, client }: Direct): Promise<unknown> {
  const [, heads, values, newest, older, live, marked, deadlines, log] = scripts.keys as [string, ...string[]];
  const records = Object.entries(await client.hgetallBuffer(heads as string));
  return {
    heads: Object.fromEntries(records.map(([key, record]) => [key, timeless(key, record as Buffer)])),
    values: await client.hgetall(values as string),
    indexes: await Promise.all(
      [newest, older, live, marked].map((set) => client.zrange(set as string, "0", "-1", "WITHSCORES")),
    ),
    deadlines: await client.zrange(deadlines as string, "0", "-1"),
    log: await client.xrange(log as string, "-", "+"),
  };
}

const put = (key: string, value: string, ttl?: number): Unit => [{ op: "put", key, value, expect: undefined, ttl }];

/** Mere puts, several of a key among them, and now and then something else. */
function randomUnits(random: (below: number) => number, canExpire: boolean): Unit[] {
  const key = (): string => `k${random(6)}`;
  const value = (): string => "é".repeat((random(4) === 0 ? random(3) * 1200 : 0) + random(90));
  if (random(5) > 0) return Array.from({ length: 1 + random(2) * random(6) }, () => put(key(), value()));
  const op = (["delete", "purge", "put"] as const)[random(3)] as Write["op"];
  const ttl = canExpire && op !== "delete" ? 60_000 : undefined;
  return [[{ op, key: key(), value: op === "put" ? value() : "", expect: undefined, ttl }]];
}

const configs: Readonly<Record<string, Omit<KeyValueConfig, "bucket">>> = {
  "history 1": {},
  "history 3": { history: 3 },
  "history 16": { history: 16 },
  "a ttl": { history: 2, ttl: 60_000 },
  "deadlines of their own": { history: 3, limitMarkerTtl: 60_000 },
  "bounded sizes": { history: 2, maxValueSize: 150, maxBytes: 700 },
};

for (const [name, config] of Object.entries(configs)) {
  test(`M4, B10: what the script for mere puts stores is what a commit of them stores: ${name}`, async () => {
    const { url } = await server();
    const quick = await direct(url, { bucket: "quick", ...config });
    const general = await direct(url, { bucket: "general", ...config });
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const tally = { done: 0, left: 0, overwritten: 0 };
    for (let round = 0; round < 400; round += 1) {
      const units = randomUnits(random, config.limitMarkerTtl !== undefined);
      const nonce = `w${round}`;
      const puts = putArguments(units);
      const state = (): Promise<Buffer | null> => quick.client.hgetBuffer(quick.scripts.keys[1] as string, "");
      const before = puts && (await state());
      const overwrites = random(2) === 0;
      let reply = puts && (await quick.scripts.attempt("puts", [nonce, ...puts], overwrites));
      if (overwrites && Number(reply) > 0) tally.overwritten += 1;
      if (reply === -5) {
        expect(overwrites).toBe(true);
        expect(await state()).toEqual(before);
        reply = puts && (await quick.scripts.attempt("puts", [nonce, ...puts]));
      }
      if (reply === 0) {
        tally.left += 1;
        expect(await state()).toEqual(before);
      } else if (reply !== undefined) tally.done += 1;
      if (reply === undefined || reply === 0) {
        reply = await quick.scripts.attempt("commit", [nonce, ...commitArguments(units)]);
      }
      const wanted = await general.scripts.attempt("commit", [nonce, ...commitArguments(units)]);
      expect(outcomesOf(units, reply)).toEqual(outcomesOf(units, wanted));
      if (round % 20 === 19) expect(await stored(quick)).toEqual(await stored(general));
    }
    // The quick way was by no means gone seldom, and the other one where it has to be.
    expect(tally.done).toBeGreaterThan(100);
    expect(tally.left > 0).toBe("maxBytes" in config || "limitMarkerTtl" in config);
    expect(tally.overwritten > 0).toBe((config.history ?? 1) === 1);
  });
}

test("L1, M6: what is no overwrite is stored wholly after any number of overwrites", async () => {
  const { url } = await server();
  const manager = await connect({ url });
  later(() => manager.close());
  const kv = await manager.createKeyValue({ bucket: "b" });
  const large = "x".repeat(5000);
  let revision = 0;
  const put = async (key: string, value: string): Promise<void> => {
    revision += 1;
    expect(await kv.put(key, value)).toBe(revision);
  };
  const overwrite = async (): Promise<void> => {
    for (let count = 0; count < 140; count += 1) await put("a", String(count));
  };
  await overwrite();
  await put("b", "new");
  await overwrite();
  await put("a", large);
  expect((await kv.get("a"))?.string()).toBe(large);
  await overwrite();
  revision = await kv.delete("a");
  await put("a", "again");
  expect(await kv.keys()).toEqual(["a", "b"]);
  expect((await kv.getMany(["a", "b"])).map((entry) => entry?.string())).toEqual(["again", "new"]);
  expect(await kv.status()).toMatchObject({ values: 2, bytes: 2 + "again".length + "new".length });
});

test("M10: mere puts that were given up are not carried out when they arrive later", async () => {
  const { url } = await server();
  const { scripts, client } = await direct(url, { bucket: "b" });
  expect(await scripts.attempt("void", ["wone", "0", ""])).toBe(0);
  expect(await scripts.attempt("puts", ["wone", "a", "late"], true)).toBe(-5);
  expect(await scripts.attempt("puts", ["wone", "a", "late"])).toBe(-3);
  expect(await client.hkeys(scripts.keys[1] as string)).toEqual([""]);
  expect(await scripts.attempt("puts", ["wtwo", "a", "in time"])).toBe(1);
  expect(await scripts.attempt("void", ["wtwo", "0", ""])).toEqual([1, Buffer.from("")]);
});

test("T9: mere puts leave it to a commit when something is due", async () => {
  const { url } = await server();
  const { scripts, client } = await direct(url, { bucket: "b", limitMarkerTtl: 60_000 });
  await scripts.attempt("commit", ["wone", ...commitArguments([put("a", "brief", 1)])]);
  const clock = async (): Promise<number> => Number((await client.time())[0]);
  const begun = await clock();
  await expect.poll(clock).toBeGreaterThan(begun);
  expect(await scripts.attempt("puts", ["wtwo", "b", "x"])).toBe(0);
});

test("B4: a change of the config does not make mere puts look for what is due where nothing ever is", async () => {
  const { url } = await server();
  const { scripts } = await direct(url, { bucket: "b" });
  const manager = await connect({ url });
  later(() => manager.close());
  await manager.updateKeyValue({ bucket: "b", description: "changed" });
  expect(await scripts.attempt("puts", ["wone", "a", "x"])).toBe(1);
});

test("W5: the log reaches back about 10,000 commits, and no further", async () => {
  const { url } = await server();
  const { scripts, client } = await direct(url, { bucket: "b" });
  const puts = Array.from({ length: 10_700 }, (_, index) => scripts.attempt("puts", [`w${index}`, "a", "x"]));
  expect((await Promise.all(puts)).at(-1)).toBe(10_700);
  const length = await client.xlen(scripts.log);
  expect(length).toBeGreaterThanOrEqual(10_000);
  expect(length).toBeLessThan(10_300);
});
