import type { NatsServer } from "@revkv/servers/nats";
import { startNats } from "@revkv/servers/nats";
import type { TcpProxy } from "@revkv/servers/tcp-proxy";
import { startProxy } from "@revkv/servers/tcp-proxy";
import { onTestFinished } from "vitest";
import type { NatsConnectOptions, NatsManager } from "../src/index.ts";
import { connect } from "../src/index.ts";

/** Starts a server for one test. */
export async function server(config?: string): Promise<NatsServer> {
  const started = await startNats({ config });
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started;
}

/** Starts a network in front of a server, for one test. */
export async function proxy(target: { readonly port: number }): Promise<TcpProxy> {
  const network = await startProxy({ port: target.port });
  onTestFinished(() => network[Symbol.asyncDispose]());
  return network;
}

/** Opens a manager for one test. */
export async function open(options: string | NatsConnectOptions): Promise<NatsManager> {
  const manager = await connect(options);
  onTestFinished(() => manager.close());
  return manager;
}
