import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isKeyValueError } from "@revkv/api";
import type { PostgresServer } from "@revkv/servers/postgres";
import { startPostgres } from "@revkv/servers/postgres";
import pg from "pg";
import { expect, test } from "vitest";
import type { PostgresClient, PostgresOptions, PostgresPool } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { breakable } from "./breakable.ts";
import type { Closed } from "./children/close-cut-off.ts";
import { execute } from "./harness.ts";
import { brief, checkSaid, reaches, see, startLoad, until } from "./load.ts";
import { emptyDatabase, later, open } from "./open.ts";

/** The deadline of a step, in milliseconds. */
const deadline = 2000;

/** How many connections there are, beside the one that asks. */
async function connections(url: string): Promise<number> {
  const others = "datname = current_database() AND pid <> pg_backend_pid()";
  const [row] = await execute(url, `SELECT count(*)::int FROM pg_stat_activity WHERE ${others}`);
  return row?.[0] as number;
}

/** Nothing was carried out. Our own pool gives up to connect at the same time as the call its wait. */
const awayCodes: readonly string[] = ["TIMEOUT", "UNAVAILABLE"];

async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "done",
    (error: unknown) => (isKeyValueError(error) ? error.code : String(error)),
  );
}

/** A pool that its application waits for as long as it takes, unlike ours. */
function patientPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 3 });
  pool.on("error", () => undefined);
  later(() => pool.end());
  return pool;
}

test.each<readonly [string, (through: string) => PostgresOptions]>([
  ["a pool of ours", (connectionString) => ({ connectionString, max: 3 })],
  ["the application's", (connectionString) => ({ pool: patientPool(connectionString) })],
])(
  "nothing comes back: calls end at their deadlines, and later everything works with as many connections: %s",
  async (_, how) => {
    const url = await emptyDatabase();
    const { proxy, through } = await breakable(url);
    const options = how(through);
    const manager = await connect({ ...options, timeout: deadline });
    later(() => manager.close());
    const kv = await manager.createKeyValue({ bucket: "load", history: 64 });
    const seen = await see(kv);
    const load = startLoad(kv, "w", 6, 6);
    const refused: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const before = load.acknowledged.size;
      await until(() => load.acknowledged.size > before + 20);
      proxy.hold();
      const writes = Array.from({ length: 6 }, async (_, index) => {
        const key = `held.${round}.${index}`;
        const code = await codeOf(kv.put(key, "x"));
        if (code !== "OUTCOME_UNKNOWN") refused.push(key);
        return code;
      });
      const reads = [...Array.from({ length: 6 }, () => kv.get("a")), kv.history("a"), kv.status()].map(codeOf);
      for (const code of await Promise.all(reads)) expect(awayCodes).toContain(code);
      for (const code of await Promise.all(writes)) expect([...awayCodes, "OUTCOME_UNKNOWN"]).toContain(code);
      proxy.release();
    }
    const before = load.acknowledged.size;
    await until(() => load.acknowledged.size > before + 100);
    await load.stop();

    checkSaid(load, await kv.history("w.>"));
    const log = await kv.history(">");
    expect(log.filter(({ key }) => refused.includes(key))).toEqual([]);
    await reaches(seen, log.at(-1)?.revision ?? 0);
    expect(brief(seen.entries)).toEqual(brief(log));
    if ("pool" in options) {
      const { pool } = options as { readonly pool: pg.Pool };
      await until(() => pool.idleCount === pool.totalCount);
      expect(pool.totalCount).toBeLessThanOrEqual(3);
      expect(pool.waitingCount).toBe(0);
    }
    // Those of the pool, and the one that listens.
    await until(async () => (await connections(url)) <= 4);
  },
);

test("an answer gets lost: the write is of unknown outcome, and is there once", async () => {
  const url = await emptyDatabase();
  const { proxy, through } = await breakable(url);
  const kv = await (await open({ connectionString: through })).createKeyValue({ bucket: "unanswered", history: 64 });
  const other = await (await open(url)).keyValue("unanswered");
  for (let round = 1; round <= 5; round += 1) {
    // Several connections that are there, and not the ones that were cut: a new one would have to hear an answer first.
    const reads = (): Promise<unknown> => Promise.all([kv.get("a"), kv.history("a"), kv.status(), kv.keys()]);
    await until(async () => (await codeOf(reads())) === "done");
    proxy.hold("to-client");
    const write = codeOf(kv.put("a", `${round}`));
    await until(async () => (await other.get("a"))?.string() === `${round}`);
    proxy.cut();
    expect(await write).toBe("OUTCOME_UNKNOWN");
    proxy.release();
  }
  expect((await other.history("a")).map((entry) => entry.string())).toEqual(["1", "2", "3", "4", "5"]);
});

type Query = PostgresClient["query"];

/** A pool that does something else with some statements. */
function altered(pool: pg.Pool, alter: (send: Query) => Query): PostgresPool {
  const connect = async (): Promise<PostgresClient> => {
    const client = await pool.connect();
    return {
      query: alter((query) => client.query(query)),
      on: (event, listener) => client.on(event, listener),
      release: (destroy) => client.release(destroy),
    };
  };
  return { connect };
}

test("an announcement is never answered: its connection is given up, and closing does not wait for it", async () => {
  const pool = patientPool(await emptyDatabase());
  const silent = altered(pool, (send) => (query) => {
    return query.text.includes("pg_notify") ? new Promise(() => {}) : send(query);
  });
  const manager = await connect({ pool: silent, timeout: deadline });
  const kv = await manager.createKeyValue({ bucket: "unheard" });
  await Promise.all([kv.put("a", "1"), manager.close()]);
  expect(pool.idleCount).toBe(pool.totalCount);
});

test("a change that was not answered is announced: it may have been carried out", async () => {
  const answers: string[] = [];
  const forgetful = altered(patientPool(await emptyDatabase()), (send) => async (query) => {
    const result = await send(query);
    answers.push(query.text);
    if (/^SELECT.*\.(write|purge_markers|configure)\(/.test(query.text)) throw new Error("the connection was lost");
    return result;
  });
  const manager = await connect({ pool: forgetful });
  later(() => manager.close());
  const kv = await manager.createKeyValue({ bucket: "changed" });
  const changes = [
    () => kv.put("a", "1"),
    () => kv.purgeDeletes(),
    () => manager.updateKeyValue({ bucket: "changed", history: 2 }),
  ];
  for (const change of changes) {
    answers.length = 0;
    expect(await codeOf(change())).toBe("OUTCOME_UNKNOWN");
    await until(() => answers.some((text) => text.includes("pg_notify")));
  }
});

test("a client that vanishes within its transaction does not hold the bucket for long", async () => {
  const url = await emptyDatabase();
  const other = await (await open({ connectionString: url, timeout: 30_000 })).createKeyValue({ bucket: "held" });
  // Its writes have to open a transaction to be at READ COMMITTED.
  const serializable = new URL(url);
  serializable.searchParams.set("options", "-c default_transaction_isolation=serializable");
  const { proxy, through } = await breakable(serializable.href);
  const vanishing = altered(patientPool(through), (send) => (query) => {
    if (query.text === "COMMIT") proxy.hold();
    return send(query);
  });
  const manager = await connect({ pool: vanishing, timeout: deadline });
  later(() => manager.close());
  const kv = await manager.keyValue("held");
  expect(await codeOf(kv.put("a", "1"))).toBe("OUTCOME_UNKNOWN");
  expect(await other.put("b", "2")).toBe(1);
  proxy.release();
  expect(await other.keys()).toEqual(["b"]);
});

/** Ways to lose a server so that it does not answer any more, and to find it again. */
const losses: Readonly<Record<string, (server: PostgresServer) => Promise<Loss>>> = {
  "the network is a black hole": async (server) => {
    const { proxy, through } = await breakable(server.url);
    return { url: through, lose: async () => proxy.hold(), find: async () => proxy.release() };
  },
  "the server is frozen": async (server) => ({ url: server.url, lose: server.pause, find: server.resume }),
  "the server is gone": async (server) => ({ url: server.url, lose: server.kill, find: server.restart }),
};

interface Loss {
  readonly url: string;
  readonly lose: () => Promise<void>;
  readonly find: () => Promise<void>;
}

test.each(Object.entries(losses))("a manager is closed while %s: in time, and the process ends", async (_, losing) => {
  const server = await startPostgres({ fsync: false });
  later(() => server[Symbol.asyncDispose]());
  const { url, lose, find } = await losing(server);
  const script = fileURLToPath(new URL("./children/close-cut-off.ts", import.meta.url));
  const child = fork(
    script,
    [url, deadline].map((arg) => JSON.stringify(arg)),
    {
      execArgv: ["--conditions=@revkv/source"],
    },
  );
  later(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  await once(child, "message");
  await lose();
  const closed = once(child, "message");
  child.send("lost");
  const [{ close, write }] = (await closed) as [Closed];
  // It has a deadline of its own, at which it would reject.
  expect(close).toBe("done");
  expect([...awayCodes, "OUTCOME_UNKNOWN"]).toContain(write);
  expect(await exited).toEqual([0, null]);
  await find();
  await until(async () => (await connections(server.url)) === 0);
});
