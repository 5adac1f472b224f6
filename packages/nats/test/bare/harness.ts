import { connect as connectNats } from "@nats-io/transport-node";
import type { Harness } from "@revkv/conformance";
import type { NatsServer } from "@revkv/servers/nats";
import { startNats } from "@revkv/servers/nats";
import { connect } from "../../src/index.ts";
import { connectBare } from "./bare-manager.ts";

/** How the harness's name begins; the server's version follows. */
export const bareName = "@nats-io/kv, bare, on nats-server ";

/** The bare mapping, on a server of its own for every storage, claiming what the adapter claims. */
export async function bareHarness(knownGaps: Readonly<Record<string, string>> = {}): Promise<Harness> {
  let first: NatsServer | undefined = await start();
  const { capabilities, version } = await describe(first.url);
  return {
    name: `${bareName}${version}`,
    capabilities,
    knownGaps,
    setup: async () => {
      const server = first ?? (await start());
      first = undefined;
      return {
        open: (options) => connectBare(server.url, capabilities, options),
        child: { module: new URL("./open-child.ts", import.meta.url).href, args: [server.url, capabilities] },
        restart: async (whileAway) => {
          await server.stop();
          await whileAway();
          await server.restart();
        },
        dispose: async () => server[Symbol.asyncDispose](),
      };
    },
  };
}

/** Values of a mebibyte, and what belongs to them, are more than a server takes by default. */
function start(): Promise<NatsServer> {
  return startNats({ config: "max_payload: 4MB" });
}

async function describe(url: string): Promise<{ capabilities: Harness["capabilities"]; version: string }> {
  const connection = await connectNats({ servers: url });
  const version = connection.info?.version ?? "";
  const manager = await connect({ connection });
  const { capabilities } = manager;
  await manager.close();
  await connection.close();
  return { capabilities, version };
}
