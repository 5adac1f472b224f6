import type { KeyValue, KeyValueEvent } from "@revkv/api";
import { expect, test } from "vitest";
import type { Channels } from "../src/channels.ts";
import type { PostgresUrlOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { Listener } from "../src/listener.ts";
import { ListeningConnection } from "../src/listening-connection.ts";
import type { Store } from "../src/postgres-bucket.ts";
import { PostgresStorage } from "../src/postgres-storage.ts";
import { breakable } from "./breakable.ts";
import { execute } from "./harness.ts";
import type { Seen } from "./load.ts";
import { reaches, see, until } from "./load.ts";
import { emptyDatabase, later, open, runChild, takeDown } from "./open.ts";

/** A bucket, and somebody else who writes to it. */
interface Watched {
  readonly kv: KeyValue;
  readonly other: KeyValue;
  /** What the application was told. */
  readonly told: readonly KeyValueEvent[];
}

async function watched(url: string, options: Omit<PostgresUrlOptions, "connectionString"> = {}): Promise<Watched> {
  const told: KeyValueEvent[] = [];
  const manager = await connect({ connectionString: url, ...options, onEvent: takeDown(told) });
  later(() => manager.close());
  const kv = await manager.createKeyValue({ bucket: "watched", history: 64 });
  const other = await (await open(url)).keyValue("watched");
  return { kv, other, told };
}

/** The connections that listen. */
async function listeners(url: string): Promise<number> {
  const [row] = await execute(
    url,
    "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^(UN)?LISTEN|^SELECT.*pg_listening' AND pid <> pg_backend_pid()",
  );
  return row?.[0] as number;
}

/** Writes one after the other, each when the watcher has given the one before it. */
async function inTurn(kv: KeyValue, seen: Seen, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await reaches(seen, await kv.put(`turn.${index}`, "x"));
}

const types = (events: readonly KeyValueEvent[]): readonly string[] => events.map(({ type }) => type);

test("what others write arrives by notification: by polling this would take minutes", { timeout: 20_000 }, async () => {
  const { kv, other, told } = await watched(await emptyDatabase());
  await inTurn(other, await see(kv), 50);
  expect(told).toEqual([]);
});

test("changes that nobody announces are found all the same: the writer died between its commit and its announcement", async () => {
  const url = await emptyDatabase();
  const { kv, told } = await watched(url);
  const seen = await see(kv);
  await until(async () => (await listeners(url)) === 1);
  await expect(runChild("put-and-die.ts", url, "watched", "a")).rejects.toMatchObject({ signal: "SIGKILL" });
  await reaches(seen, 1);
  expect(seen.entries.map(({ key }) => key)).toEqual(["a"]);
  expect(told).toEqual([]);
});

test("the way to the server is a black hole: noticed, told once each, and bridged by polling", async () => {
  const url = await emptyDatabase();
  const { proxy, through } = await breakable(url);
  const { kv, other, told } = await watched(url, { listenConnectionString: through, heartbeatInterval: 100 });
  const seen = await see(kv);
  await inTurn(other, seen, 10);
  expect(told).toEqual([]);

  proxy.hold();
  await reaches(seen, await other.put("unheard", "x"));
  await until(() => told.length > 0);
  await inTurn(other, seen, 5);
  expect(types(told)).toEqual(["notifications-lost"]);
  expect(told[0]?.error?.code).toBe("UNAVAILABLE");

  proxy.release();
  await until(() => told.length > 1);
  await inTurn(other, seen, 30);
  expect(types(told)).toEqual(["notifications-lost", "reconnected"]);
  expect(seen.entries.map(({ revision }) => revision)).toEqual(Array.from({ length: 46 }, (_, index) => index + 1));
});

test("a watch begins while the server cannot be listened to", async () => {
  const url = await emptyDatabase();
  const { proxy, through } = await breakable(url);
  proxy.hold();
  const { kv, other, told } = await watched(url, { listenConnectionString: through });
  const seen = await see(kv);
  await inTurn(other, seen, 2);
  proxy.release();
  await inTurn(other, seen, 40);
  expect(types(told)).toEqual([]);
});

test("connections that listen: one for all buckets, and none when nobody watches", async () => {
  const url = await emptyDatabase();
  const { kv, other } = await watched(url);
  const manager = await open(url);
  const second = await manager.createKeyValue({ bucket: "second" });
  const same = await (await open(url)).keyValue("second");
  expect(await listeners(url)).toBe(0);
  const watchers = [await kv.watch(">"), await kv.watch("a")];
  await until(async () => (await listeners(url)) === 1);
  const seen = await see(second);
  await until(async () => (await listeners(url)) === 2);
  await inTurn(same, seen, 20);
  for (const watcher of watchers) await watcher.stop();
  await until(async () => (await listeners(url)) === 1);
  const third = await manager.createKeyValue({ bucket: "third" });
  const others = await see(third);
  await inTurn(await (await open(url)).keyValue("third"), others, 20);
  expect(await listeners(url)).toBe(1);
  expect(await other.keys()).toEqual([]);
});

/** How often watchers that have caught up look by themselves, in milliseconds. */
function pollInterval(listener: Listener): number | undefined {
  const { traits } = new PostgresStorage({} as Store, {} as Channels, listener, false, async () => undefined);
  return traits.pollInterval;
}

test("whoever subscribed is woken when notifications begin to come, and whenever they may have been missed", async () => {
  const url = await emptyDatabase();
  const told: string[] = [];
  const listener = new Listener({
    open: () => new ListeningConnection({ connectionString: url }, "ours", async () => undefined),
    heartbeat: 10_000,
    emit: (type) => told.push(type),
  });
  later(() => listener.close());
  expect(pollInterval(listener)).toBe(1000);
  let woken = 0;
  const end = listener.subscribe("one", () => {
    woken += 1;
  });
  await until(() => woken === 1);
  expect(pollInterval(listener)).toBe(5000);
  await execute(url, "NOTIFY one, 'ours'; NOTIFY one, 'theirs'");
  await until(() => woken === 2);
  // Another channel, on the connection that is there, does not wake the first.
  await new Promise<void>((resolve) => void listener.subscribe("two", resolve));
  expect(woken).toBe(2);
  await execute(
    url,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN' AND datname = current_database()",
  );
  // Once to poll, and once more when notifications come again.
  await until(() => woken === 4);
  expect(told).toEqual(["notifications-lost", "reconnected"]);
  end();
  end();
  await execute(url, "NOTIFY one; NOTIFY two");
  await new Promise<void>((resolve) => void listener.subscribe("three", resolve));
  expect(woken).toBe(4);
});

test("a connection that the server ends is replaced, and it is said why", async () => {
  const url = await emptyDatabase();
  const { kv, other, told } = await watched(url);
  const seen = await see(kv);
  await until(async () => (await listeners(url)) === 1);
  await inTurn(other, seen, 5);
  for (let round = 1; round <= 3; round += 1) {
    await execute(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN' AND datname = current_database()",
    );
    await until(() => told.length === 2 * round);
    await inTurn(other, seen, 5);
  }
  expect(types(told)).toEqual(Array.from({ length: 3 }, () => ["notifications-lost", "reconnected"]).flat());
  expect(told[0]?.error?.code).toBe("UNAVAILABLE");
  expect(told[0]?.message).toContain("administrator command");
});

test("a listenConnectionString that leads nowhere is told once, with the reason", async () => {
  const url = await emptyDatabase();
  const { kv, other, told } = await watched(url, { listenConnectionString: url.replace(/[^/]*$/, "nowhere") });
  const seen = await see(kv);
  await inTurn(other, seen, 3);
  await (await kv.watch("a")).stop();
  expect(types(told)).toEqual(["notifications-lost"]);
  expect(told[0]?.error?.code).toBe("INCOMPATIBLE_STORAGE");
});

test("a process whose watcher nobody reads ends, though nothing was closed", async () => {
  expect(await runChild("leave-watching.ts", await emptyDatabase())).toBe("left");
});
