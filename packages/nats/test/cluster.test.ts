import { jetstreamManager } from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import type { KeyValueEvent } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { conformance } from "@revkv/conformance/vitest";
import type { NatsServer } from "@revkv/servers/nats";
import { startNatsCluster } from "@revkv/servers/nats";
import { expect, onTestFinished, test } from "vitest";
import { clusterHarness, gaps, largePayloads } from "./harness.ts";
import { open } from "./open.ts";

conformance(await clusterHarness("three servers, three replicas", gaps));

/** The server that leads a stream's replicas, and which version of NATS it is. */
async function leaderOf(
  nodes: readonly NatsServer[],
  stream: string,
): Promise<{ leader: NatsServer; version: string }> {
  const connection = await connectNats({ servers: nodes.map(({ url }) => url) });
  const { cluster } = await (await jetstreamManager(connection)).streams.info(stream);
  const version = connection.info?.version ?? "";
  await connection.close();
  const index = Number(cluster?.leader?.replace("node-", "")) - 1;
  const leader = nodes[index];
  if (leader === undefined) throw new Error(`no server is called ${cluster?.leader}`);
  return { leader, version };
}

test("the leader is killed during 5,000 puts and a watch: nothing acknowledged is lost or doubled", {
  timeout: 180_000,
}, async () => {
  const cluster = await startNatsCluster(3, { config: largePayloads });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const nodes: readonly NatsServer[] = cluster.nodes;
  const events: KeyValueEvent[] = [];
  const manager = await open({
    servers: nodes.map(({ url }) => url),
    timeout: 30_000,
    onEvent: (event) => void events.push(event),
  });
  await manager.createKeyValue({ bucket: "b", history: 64, replicas: 3 });
  const kv = await manager.keyValue("b");
  const seen: number[] = [];
  const watching = (await kv.watch(">")).forEach((entry) => {
    if (entry !== null) seen.push(entry.revision);
  });
  const { leader, version } = await leaderOf(nodes, "KV_b");
  const acknowledged = new Map<number, string>();
  let unknown = 0;
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < 5000) {
      const value = String(next);
      next += 1;
      try {
        acknowledged.set(await kv.put(`key.${Number(value) % 500}`, value), value);
      } catch (error) {
        if (!isKeyValueError(error, "OUTCOME_UNKNOWN")) throw error;
        unknown += 1;
      }
    }
  };
  const writers = Array.from({ length: 32 }, writer);
  await expect.poll(() => acknowledged.size, { timeout: 60_000 }).toBeGreaterThan(1500);
  await leader.kill();
  await Promise.all(writers);
  const log = await kv.history(">");
  const stored = new Map(log.map((entry) => [entry.revision, entry.string()]));
  for (const [revision, value] of acknowledged) expect(stored.get(revision)).toBe(value);
  expect(new Set(stored.values()).size, "no value is there twice").toBe(stored.size);
  expect(acknowledged.size + unknown).toBe(5000);
  const last = log.at(-1)?.revision ?? 0;
  await expect.poll(() => seen.at(-1), { timeout: 60_000 }).toBe(last);
  expect(seen).toEqual(log.map(({ revision }) => revision));
  await manager.close();
  await watching;
  // Only of old servers there is something to tell, and once.
  const isOld = /^2\.9\.([0-9]|1[0-9]|20)$/.test(version);
  const unsafe = events.filter(({ type }) => type === "unsafe-setting").map(({ bucket }) => bucket);
  expect(unsafe).toEqual(isOld ? ["b"] : []);
});
