import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServerGroup } from "./group.ts";
import { startGroup } from "./group.ts";
import type { ReservedPort } from "./port.ts";
import { reservePort } from "./port.ts";
import type { TestServer } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import { needTool } from "./tool.ts";
import { until } from "./until.ts";

export interface NatsOptions {
  /** More lines of its configuration file. */
  readonly config?: string | undefined;
}

export interface NatsServer extends TestServer {
  readonly url: string;
}

/** A server that may be somebody else's: it can be used, but not be restarted, killed or paused. */
export type SharedNats = Pick<NatsServer, "url"> & AsyncDisposable;

/** Starts NATS on 127.0.0.1, with JetStream in its directory. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  return await startNode([await reservePort()], options.config);
}

/** The server that REVKV_TEST_NATS_URL names, or else one of our own. */
export async function testNats(): Promise<SharedNats> {
  const url = process.env["REVKV_TEST_NATS_URL"];
  if (url === undefined) return await startNats();
  return { url, [Symbol.asyncDispose]: async () => {} };
}

/** Starts a cluster with JetStream and resolves when all of its nodes follow one leader. */
export async function startNatsCluster(size: number, options: NatsOptions = {}): Promise<ServerGroup<NatsServer>> {
  const members = await Promise.all(
    Array.from({ length: size }, async () => ({
      client: await reservePort(),
      route: await reservePort(),
      monitor: await reservePort(),
    })),
  );
  const routes = members.map(({ route }) => `"nats://127.0.0.1:${route.port}"`).join(", ");
  return await startGroup(
    members.map(({ client, route, monitor }, index) => {
      const config = `
        server_name: "node-${index + 1}"
        http: "127.0.0.1:${monitor.port}"
        cluster { name: "revkv", listen: "127.0.0.1:${route.port}", routes: [${routes}] }
        ${options.config ?? ""}`;
      return startNode([client, route, monitor], config);
    }),
    async () => {
      await Promise.all(members.map(({ monitor }) => until("a healthy node", () => isHealthy(monitor.port))));
    },
  );
}

/** Whether it is in contact with the leader and has all that the leader has. */
async function isHealthy(port: number): Promise<boolean> {
  const { ok } = await fetch(`http://127.0.0.1:${port}/healthz`);
  return ok;
}

async function startNode(ports: readonly [ReservedPort, ...ReservedPort[]], config = ""): Promise<NatsServer> {
  const program = needTool("nats-server");
  const listen = `127.0.0.1:${ports[0].port}`;
  const server = await startServer({
    name: "nats",
    ports,
    ready: /Server is ready/,
    stopSignal: "SIGTERM",
    command: async (directory) => {
      const file = join(directory, "nats.conf");
      await writeFile(file, `listen: "${listen}"\njetstream { store_dir: "${directory}" }\n${config}\n`);
      return [program, "-c", file];
    },
  });
  return { ...server, url: `nats://${listen}` };
}
