import { setTimeout as delay } from "node:timers/promises";
import { isKeyValueError } from "@revkv/api";
import { redisCommand } from "@revkv/servers/redis";
import { Cluster } from "ioredis";
import { Cluster as Cluster5 } from "ioredis5";
import { expect, test } from "vitest";
import { sharedCluster } from "./harness.ts";
import type { Watched } from "./open.ts";
import { inTurn, later, open, watch } from "./open.ts";

const clients = { "ioredis 5": Cluster5, "ioredis 6": Cluster } as const;

for (const [version, Client] of Object.entries(clients)) {
  test(`the application's own Cluster of ${version}: buckets in all slots are written to, watched and listed`, {
    timeout: 60_000,
  }, async () => {
    const { cluster } = await sharedCluster();
    const client = new Client([...cluster]);
    later(() => client.disconnect());
    const manager = await open({ client, prefix: version.replace(" ", "") });
    const names = Array.from({ length: 9 }, (_, index) => `bucket${index}`);
    const watched = await Promise.all(
      names.map(async (bucket) => watch(await manager.createKeyValue({ bucket, history: 3 }))),
    );
    const other = await open({ cluster, prefix: version.replace(" ", "") });
    const listed: string[] = [];
    for await (const name of other.keyValueStoreNames()) listed.push(name);
    expect(listed).toEqual(names);
    await Promise.all(
      names.map(async (bucket, index) => inTurn(await other.keyValue(bucket), watched[index] as Watched, 100)),
    );
  });
}

test("M10, W10: in a Cluster whose connections are cut, every acknowledged write is there once, and watchers see it", async () => {
  const { cluster } = await sharedCluster();
  const manager = await open({ cluster, prefix: "cut" });
  const kv = await manager.createKeyValue({ bucket: "b" });
  const watched = await watch(kv);
  const acknowledged = new Map<string, number>();
  let cuts = 0;
  const goesOn = (): boolean => cuts < 40 || acknowledged.size <= 500;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let count = 0; goesOn(); count += 1) {
      try {
        acknowledged.set(`${writer}.${count}`, await kv.put(`${writer}.${count}`, "x"));
      } catch (error) {
        if (!isKeyValueError(error, "OUTCOME_UNKNOWN")) throw error;
      }
    }
  });
  for (; goesOn(); cuts += 1) {
    await delay(100);
    await Promise.all(cluster.map((node) => redisCommand(node, "CLIENT", "KILL", "TYPE", "normal")));
  }
  await Promise.all(writers);
  const { lastRevision } = await kv.status();
  await expect.poll(() => watched.entries.at(-1)?.revision).toBe(lastRevision);
  const seen = new Map(watched.entries.map(({ key, revision }) => [key, revision]));
  expect(seen.size).toBe(lastRevision);
  for (const [key, revision] of acknowledged) expect(seen.get(key)).toBe(revision);
});
