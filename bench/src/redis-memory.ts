import { randomBytes } from "node:crypto";
import { connect } from "@revkv/redis";
import { startRedis } from "@revkv/servers/redis";
import { Redis } from "ioredis";
import { table } from "./markdown.ts";

const valueBytes = 100;
const together = 1000;

/** What buckets take of a server's memory, beside plain keys. */
export async function memory(quick: boolean): Promise<string> {
  await using server = await startRedis({ appendonly: "no" });
  const { url } = server;
  const client = new Redis(url);
  const keys = quick ? 1000 : 100_000;
  const overwrites = quick ? 2000 : 1_000_000;
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);

  /** The bytes that the server takes more after some writes than before. */
  const growth = async (count: number, write: (index: number) => Promise<unknown>): Promise<number> => {
    const before = await used();
    for (let from = 0; from < count; from += together) {
      const until = Math.min(count, from + together);
      await Promise.all(Array.from({ length: until - from }, (_, index) => write(from + index)));
    }
    return (await used()) - before;
  };
  /** The same for puts to a bucket of its own, per live key. */
  const ofBucket = async (history: number, count: number, keyOf: (index: number) => number): Promise<number[]> => {
    await client.flushall("SYNC");
    const manager = await connect({ url, timeout: 60_000 });
    const bucket = await manager.createKeyValue({ bucket: "b", history });
    const bytes = await growth(count, (index) => bucket.put(name(keyOf(index)), randomBytes(valueBytes)));
    const live = (await bucket.keys()).length;
    await manager.close();
    return [bytes / live, live];
  };

  const raw = (await growth(keys, (index) => client.set(name(index), randomBytes(valueBytes)))) / keys;
  const rows: string[][] = [["SET", number(keys), bytesOf(raw), ""]];
  const add = (what: string, [perKey = 0, live = 0]: number[]): void => {
    rows.push([what, number(live), bytesOf(perKey), (perKey / raw).toFixed(1)]);
  };
  for (const history of [1, 8]) {
    add(`history ${history}, full`, await ofBucket(history, keys * history, (index) => index % keys));
  }
  const hot = 1000;
  for (const history of [1, 8]) {
    const uniform = await ofBucket(history, overwrites, () => Math.floor(Math.random() * hot));
    add(`history ${history}, ${number(overwrites)} overwrites, uniform`, uniform);
    add(`history ${history}, ${number(overwrites)} overwrites, Zipf`, await ofBucket(history, overwrites, zipf(hot)));
    const cold = await ofBucket(history, overwrites, (index) => (index % 40 === 0 ? 1 + index : 0));
    add(`history ${history}, ${number(overwrites)} puts, one hot key and a new key every 40`, cold);
  }
  client.disconnect();
  return `### Memory

Keys of 12 bytes, values of ${valueBytes} random bytes; what \`used_memory\` of the server grows by, the log of the last 10,000 commits
included, divided by the number of live keys.

${table(["", "live keys", "bytes per live key", "times SET"], rows)}
`;
}

function name(index: number): string {
  return `key.${String(index).padStart(8, "0")}`;
}

const number = (count: number): string => count.toLocaleString("en");
const bytesOf = (bytes: number): string => number(Math.round(bytes));

/** Draws numbers below `size` so that the n-th is drawn in proportion to 1/n. */
function zipf(size: number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= size; rank += 1) {
    sum += 1 / rank;
    sums.push(sum);
  }
  return () => {
    const drawn = Math.random() * sum;
    let [low, high] = [0, size - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
