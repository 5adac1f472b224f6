import type { KeyValue, KeyValueEntry, KeyValueManager } from "@revkv/api";
import type { RedisServer } from "@revkv/servers/redis";
import { redisCommand, startRedis } from "@revkv/servers/redis";
import type { TcpProxy } from "@revkv/servers/tcp-proxy";
import { startProxy } from "@revkv/servers/tcp-proxy";
import { expect, onTestFinished } from "vitest";
import type { RedisConnectOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { patient } from "./patient.ts";

/** Carries something out when the test is over, the latest first. */
export function later(cleanup: () => unknown): void {
  onTestFinished(async () => void (await cleanup()));
}

/** Starts a server that ends with the test. */
export async function server(settings?: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
  const started = await startRedis({ appendonly: "no", ...settings });
  later(() => started[Symbol.asyncDispose]());
  return started;
}

/** Starts a network in front of a server that can be broken; it ends with the test. */
export async function proxy(target: { port: number }): Promise<TcpProxy> {
  const started = await startProxy(target);
  later(() => started[Symbol.asyncDispose]());
  return started;
}

/** Opens a manager that is closed when the test is over. */
export async function open(options: string | RedisConnectOptions): Promise<KeyValueManager> {
  const manager = await connect({ timeout: patient, ...(typeof options === "string" ? { url: options } : options) });
  later(() => manager.close());
  return manager;
}

/** The newest revision of the bucket "b" as this server has it; undefined when it has no such bucket. */
export async function revisionOn(redis: RedisServer): Promise<number | undefined> {
  const incarnation = await redisCommand(redis, "HGET", "revkv:{b}", "id");
  const step = await redisCommand(redis, "XREVRANGE", `revkv:{b}:${incarnation}:log`, "+", "-", "COUNT", "1");
  return step === "" ? undefined : Number.parseInt(step, 10);
}

/**
 * Writes one after the other, each when the watcher has given the one before it: a hundred take minutes when a watcher
 * that has caught up finds each by looking for itself.
 */
export async function inTurn(kv: KeyValue, { entries }: Watched, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const revision = await kv.put("turn", "x");
    await expect.poll(() => entries.at(-1)?.revision, { interval: 2 }).toBe(revision);
  }
}

/** What a watcher has delivered, and how it ended. */
export interface Watched {
  readonly entries: KeyValueEntry[];
  /** Resolves to the code of the error that ended it, or to undefined. */
  readonly end: Promise<unknown>;
}

/** Watches a bucket from now on; ends with the test. */
export async function watch(kv: KeyValue): Promise<Watched> {
  const watcher = await kv.watch(">", { updatesOnly: true });
  const entries: KeyValueEntry[] = [];
  const end = watcher
    .forEach((entry) => {
      if (entry !== null) entries.push(entry);
    })
    .then(
      () => undefined,
      (error: { code?: unknown }) => error.code ?? error,
    );
  later(async () => {
    await watcher.stop();
    await end;
  });
  return { entries, end };
}
