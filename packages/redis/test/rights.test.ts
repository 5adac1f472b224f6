import { globSync, readFileSync } from "node:fs";
import { redisCommand } from "@revkv/servers/redis";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { open, server, watch } from "./open.ts";

/** The rule that docs/redis.md gives, as words. */
function documentedRule(): string[] {
  const page = readFileSync(new URL("../../../docs/redis.md", import.meta.url), "utf8");
  const [, rule = ""] = /ACL SETUSER app ((?:.*\\\n)*.*)\n/.exec(page) ?? [];
  return [...rule.replaceAll("\\\n", " ").matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
}

const rights = documentedRule().flatMap((word) => (word.startsWith("+") ? [word.slice(1)] : []));

test("the documented user may do what revkv does, and nothing else", async () => {
  const redis = await server();
  const known = new Set((await redisCommand(redis, "COMMAND", "LIST")).split("\n"));
  const folder = new URL("../", import.meta.url).pathname;
  const text = globSync([`${folder}lua/**/*.lua`, `${folder}src/*.ts`]).map((file) => readFileSync(file, "utf8"));
  // Commands stand in capitals in Lua, and in small letters where they are sent, alone or with a subcommand.
  const named = text.join("\n").matchAll(/'([A-Z]+)'|(?:command|callBuffer)\(\s*"([a-z]+)"(?:,\s*"([a-z]+)")?/g);
  const used = [...named].map(([, inLua = "", sent = "", next = ""]) => {
    const command = inLua.toLowerCase() || sent;
    return known.has(`${command}|${next}`) ? `${command}|${next}` : command;
  });
  // Only where another database than the first is asked for, as the page says.
  used.splice(used.indexOf("select"), 1);
  // `ioredis` asks a Cluster for its slots by itself.
  const wanted = new Set([...used.filter((name) => known.has(name) || name.includes("|")), "cluster|slots"]);
  expect([...rights].sort()).toEqual([...wanted].sort());
});

test("with the documented rights everything works; a right that is missing is PERMISSION_DENIED", async () => {
  const redis = await server();
  const [user = "", ...rule] = ["app", ...documentedRule()];
  await redisCommand(redis, "ACL", "SETUSER", user, ...rule);
  const url = `redis://${user}:${encodeURIComponent("change me")}@127.0.0.1:${redis.port}`;
  const manager = await open(url);
  const kv = await manager.createKeyValue({ bucket: "b", history: 4, limitMarkerTtl: 1000 });
  const watched = await watch(kv);
  const other = await manager.createKeyValue({ bucket: "other" });
  await watch(other);
  await kv.put("a.1", "x".repeat(5000));
  await kv.create("short", "x", { ttl: 100 });
  await kv.transaction([
    { op: "check", key: "a.1", lastRevision: 1 },
    { op: "put", key: "a.2", value: "x" },
  ]);
  await kv.delete("a.2");
  await expect.poll(() => watched.entries.map(({ reason }) => reason)).toContain("expired");
  expect((await kv.get("a.1"))?.length).toBe(5000);
  expect((await kv.getRevision("a.2", 3))?.string()).toBe("x");
  expect(await kv.keys("a.>")).toEqual(["a.1"]);
  expect(await kv.history(["a.*", "none.*"])).toHaveLength(3);
  await manager.updateKeyValue({ bucket: "b", history: 2 });
  expect(await kv.purgeDeletes({ olderThan: 0 })).toBeGreaterThan(0);
  expect((await kv.status()).values).toBe(1);
  await manager.deleteKeyValue("other");
  await redisCommand(redis, "ACL", "SETUSER", user, "-xadd");
  await expect(kv.put("a.1", "y")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  expect((await kv.get("a.1"))?.length).toBe(5000);
  await redisCommand(redis, "ACL", "SETUSER", user, "-evalsha");
  await expect(kv.put("a.1", "y")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await redisCommand(redis, "ACL", "SETUSER", user, "-info");
  await expect(connect(url)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
});
