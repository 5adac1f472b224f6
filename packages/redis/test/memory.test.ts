import { redisCommand } from "@revkv/servers/redis";
import { expect, test } from "vitest";
import { open, server, watch } from "./open.ts";

test("B10: without memory puts fail and write nothing, markers, reads and deleting buckets work, and all goes on when there is room", async () => {
  const redis = await server();
  const manager = await open(redis.url);
  const kv = await manager.createKeyValue({ bucket: "b", history: 2, limitMarkerTtl: 60_000 });
  const watched = await watch(kv);
  await kv.put("a", "1");
  await kv.put("b", "1");
  await manager.createKeyValue({ bucket: "other" });
  const limit = (bytes: number): Promise<string> => redisCommand(redis, "CONFIG", "SET", "maxmemory", `${bytes}`);
  await limit(1);
  await expect(kv.put("a", "2")).rejects.toMatchObject({ code: "STORAGE_FULL" });
  await expect(
    kv.transaction([
      { op: "delete", key: "a" },
      { op: "put", key: "c", value: "x" },
    ]),
  ).rejects.toMatchObject({ code: "STORAGE_FULL" });
  expect((await kv.status()).lastRevision).toBe(2);
  // What goes together in one commit is judged each by itself.
  const [put, deletion, create, check] = await Promise.allSettled([
    kv.put("c", "1"),
    kv.delete("a"),
    kv.create("b", "2"),
    kv.transaction([{ op: "check", key: "b", lastRevision: 2 }]),
  ]);
  expect(put).toMatchObject({ status: "rejected", reason: { code: "STORAGE_FULL" } });
  expect(deletion).toEqual({ status: "fulfilled", value: 3 });
  expect(create).toMatchObject({ status: "rejected", reason: { code: "KEY_EXISTS" } });
  expect(check).toEqual({ status: "fulfilled", value: [2] });
  expect(await kv.purge("b")).toBe(4);
  expect(await kv.delete("never")).toBe(5);
  await limit(0);
  await kv.put("short", "1", { ttl: 500 });
  await limit(1);
  await expect.poll(() => watched.entries.map(({ key, revision }) => `${key}@${revision}`)).toContain("short@7");
  expect(await kv.keys()).toEqual([]);
  expect(await kv.purgeDeletes({ olderThan: 0 })).toBeGreaterThan(3);
  await manager.deleteKeyValue("other");
  await expect(manager.keyValue("other")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
  await limit(0);
  expect(await kv.put("a", "3")).toBe(8);
});
