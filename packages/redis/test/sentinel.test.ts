import { redisCommand } from "@revkv/servers/redis";
import { startRedisSentinel } from "@revkv/servers/redis-sentinel";
import { expect, test } from "vitest";
import { later, open, revisionOn, watch } from "./open.ts";

test("W10: behind Sentinel writers and watchers go on with the new master, and nothing is lost that had reached it; without sentinels they wait", async () => {
  const group = await startRedisSentinel({ appendonly: "no" });
  later(() => group[Symbol.asyncDispose]());
  const sentinels = group.sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
  const manager = await open({ sentinels, name: group.masterName, timeout: 5000 });
  const kv = await manager.createKeyValue({ bucket: "b", history: 10 });
  const watched = await watch(kv);
  expect(await kv.put("a", "1")).toBe(1);
  await expect.poll(() => revisionOn(group.replica)).toBe(1);
  await group.master.kill();
  // The sentinels take seconds to find that out, and to agree on another.
  await expect.poll(() => kv.put("b", "2").catch(() => 0)).toBe(2);
  expect((await kv.history(">")).map(({ key }) => key)).toEqual(["a", "b"]);
  await expect.poll(() => watched.entries.map(({ revision }) => revision)).toEqual([1, 2]);
  // While there are no sentinels either, calls wait, and have written nothing when their time is over.
  await Promise.all(group.sentinels.map((sentinel) => sentinel.stop()));
  await redisCommand(group.replica, "CLIENT", "KILL", "TYPE", "normal");
  await expect(kv.put("c", "3")).rejects.toMatchObject({ code: "TIMEOUT" });
  await Promise.all(group.sentinels.map((sentinel) => sentinel.restart()));
  await expect.poll(() => kv.put("c", "3").catch(() => 0)).toBe(3);
  await expect.poll(() => watched.entries.map(({ revision }) => revision)).toEqual([1, 2, 3]);
});
