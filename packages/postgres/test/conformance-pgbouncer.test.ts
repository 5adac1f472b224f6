import type { KeyValueEvent } from "@revkv/api";
import { conformance } from "@revkv/conformance/vitest";
import type { PgBouncer } from "@revkv/servers/pgbouncer";
import { startPgBouncer } from "@revkv/servers/pgbouncer";
import { afterAll, expect, test } from "vitest";
import { schemaHarness, sharedServer } from "./harness.ts";
import { emptyDatabase, follow, later, open, takeDown } from "./open.ts";

/** So few connections to the server that managers share them. */
const settings = { default_pool_size: 8, max_client_conn: 1000 };

const poolers: PgBouncer[] = [];

afterAll(async () => {
  for (const pooler of poolers) await pooler[Symbol.asyncDispose]();
});

conformance(
  schemaHarness("PgBouncer in transaction mode, listening directly", sharedServer, async (url) => {
    const pooler = await startPgBouncer(url, { mode: "transaction", settings });
    poolers.push(pooler);
    return { connectionString: pooler.url, listenConnectionString: url };
  }),
);

test("PgBouncer alone: watchers find changes of others by polling, and the application is told why", async () => {
  const url = await emptyDatabase();
  const pooler = await startPgBouncer(url, { mode: "transaction", settings });
  later(() => pooler[Symbol.asyncDispose]());
  const events: KeyValueEvent[] = [];
  const manager = await open({ connectionString: pooler.url, onEvent: takeDown(events) });
  const writer = await (await open(pooler.url)).createKeyValue({ bucket: "b" });
  const seen: string[] = [];
  await follow(await manager.keyValue("b"), seen);
  const lost = { type: "notifications-lost", error: { message: expect.stringContaining("listenConnectionString") } };
  await expect.poll(() => events).toMatchObject([lost]);
  await writer.put("a", "1");
  await expect.poll(() => seen).toEqual(["a@1"]);
  await writer.delete("a");
  await expect.poll(() => seen).toEqual(["a@1", "-a@2"]);
  expect(events).toHaveLength(1);
});
