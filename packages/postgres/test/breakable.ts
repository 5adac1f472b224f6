import type { TcpProxy } from "@revkv/servers/tcp-proxy";
import { startProxy } from "@revkv/servers/tcp-proxy";
import { later } from "./open.ts";

/** A way to a server that can be broken. */
export interface Breakable {
  readonly proxy: TcpProxy;
  /** The URL of the same database on this way. */
  readonly through: string;
}

/** Makes a way to a server for the time of the test. */
export async function breakable(url: string): Promise<Breakable> {
  const through = new URL(url);
  const proxy = await startProxy({ host: through.hostname, port: Number(through.port) });
  later(() => proxy[Symbol.asyncDispose]());
  through.hostname = "127.0.0.1";
  through.port = `${proxy.port}`;
  return { proxy, through: through.href };
}
