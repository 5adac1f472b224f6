import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ReservedPort } from "./port.ts";
import { reservePort } from "./port.ts";
import type { TestServer } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import { needTool } from "./tool.ts";

/** Configuration directives, such as `{ appendfsync: "always" }`. */
export type RedisSettings = Readonly<Record<string, string | number>>;

export interface RedisServer extends TestServer {
  readonly url: string;
}

/** A server that may be somebody else's: it can be used, but not be restarted, killed or paused. */
export type SharedRedis = Pick<RedisServer, "url"> & AsyncDisposable;

/** Starts Redis on 127.0.0.1. Its append-only file keeps the data over a restart, and over a kill. */
export async function startRedis(settings: RedisSettings = {}): Promise<RedisServer> {
  return await startRedisOn([await reservePort()], settings);
}

/** The server that REVKV_TEST_REDIS_URL names; if there is none, one that keeps nothing on disk. */
export async function testRedis(): Promise<SharedRedis> {
  const url = process.env["REVKV_TEST_REDIS_URL"];
  if (url === undefined) return await startRedis({ appendonly: "no" });
  return { url, [Symbol.asyncDispose]: async () => {} };
}

/** Starts Redis on the first of these ports; the others are for its settings to use, which may need files. */
export async function startRedisOn(
  ports: readonly [ReservedPort, ...ReservedPort[]],
  settings: RedisSettings | ((directory: string) => Promise<RedisSettings>),
): Promise<RedisServer> {
  const program = needTool("redis-server");
  const [{ port }] = ports;
  const server = await startServer({
    name: "redis",
    ports,
    ready: /Ready to accept connections/,
    stopSignal: "SIGTERM",
    command: async (directory) => {
      const given = typeof settings === "function" ? await settings(directory) : settings;
      const all = { port, bind: "127.0.0.1", dir: directory, save: "", appendonly: "yes", ...given };
      return [program, ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, `${value}`])];
    },
  });
  return { ...server, url: `redis://127.0.0.1:${port}` };
}

/** What a server on 127.0.0.1 answers to a command, as `redis-cli` prints it for programs. */
export async function redisCommand(server: Pick<TestServer, "port">, ...command: readonly string[]): Promise<string> {
  const program = needTool("redis-cli", "redis-tools");
  const { stdout } = await promisify(execFile)(program, ["-e", "--raw", "-p", `${server.port}`, ...command]);
  return stdout.trimEnd();
}
