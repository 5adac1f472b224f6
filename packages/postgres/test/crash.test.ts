import { isKeyValueError } from "@revkv/api";
import { startPgBouncer } from "@revkv/servers/pgbouncer";
import type { PostgresServer } from "@revkv/servers/postgres";
import { startPostgres } from "@revkv/servers/postgres";
import pg from "pg";
import { expect, test } from "vitest";
import type { PostgresManager } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { brief, checkSaid, reaches, see, startLoad, until } from "./load.ts";
import { later } from "./open.ts";

async function start(): Promise<PostgresServer> {
  // What a process wrote outlives it: only a crash of the machine would need fsync.
  const server = await startPostgres({ fsync: false });
  later(() => server[Symbol.asyncDispose]());
  return server;
}

async function open(connectionString: string): Promise<PostgresManager> {
  const manager = await connect({ connectionString, max: 4 });
  later(() => manager.close());
  return manager;
}

test("a server that is killed under load: what it acknowledged is there once, and watchers miss nothing", async () => {
  const server = await start();
  const [writing, watching] = [await open(server.url), await open(server.url)];
  const kv = await writing.createKeyValue({ bucket: "load", history: 64 });
  const seen = await Promise.all([see(kv), see(await watching.keyValue("load"))]);
  const load = startLoad(kv, "w", 8, 2);
  const goOn = async (): Promise<void> => {
    const before = load.acknowledged.size;
    await until(() => load.acknowledged.size > before + 50);
  };
  for (let round = 0; round < 3; round += 1) {
    await goOn();
    await server.kill();
    await server.restart();
  }
  await goOn();
  await load.stop();

  const log = await kv.history(">");
  checkSaid(load, log);
  for (const one of seen) {
    await reaches(one, log.at(-1)?.revision ?? 0);
    expect(brief(one.entries)).toEqual(brief(log));
  }
});

test.each(["directly", "through a pooler"])(
  "a write under way when the server is killed is of unknown outcome: %s",
  async (how) => {
    const server = await start();
    let { url } = server;
    if (how !== "directly") {
      const pooler = await startPgBouncer(server.url, {
        mode: "transaction",
        // For so long it refuses everybody after it has found the server gone, in seconds; else for 15.
        settings: { server_login_retry: 1 },
      });
      later(() => pooler[Symbol.asyncDispose]());
      ({ url } = pooler);
    }
    const kv = await (await open(url)).createKeyValue({ bucket: "waiting" });
    const holder = new pg.Client({ connectionString: server.url });
    holder.on("error", () => undefined);
    await holder.connect();
    await holder.query("BEGIN");
    await kv.using(holder).put("held", "by another");
    const write = kv.put("waiting", "for the bucket").catch((error: unknown) => error);
    const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    await until(async () => (await holder.query(waiting)).rowCount === 1);
    await server.kill();
    expect(await write).toSatisfy((error) => isKeyValueError(error, "OUTCOME_UNKNOWN"));
    await server.restart();
    const isBack = (error: unknown): boolean => {
      if (isKeyValueError(error, "UNAVAILABLE")) return false;
      throw error;
    };
    await until(() => kv.status().then(() => true, isBack));
    expect(await kv.keys()).toEqual([]);
    expect(await kv.put("waiting", "again")).toBe(1);
  },
);
