import { connect as connectNats } from "@nats-io/transport-node";
import type { KeyValueConfig, KeyValueManager, ManagerOptions } from "@revkv/api";
import type { Harness, HarnessStorage } from "@revkv/conformance";
import type { NatsServer, SharedNats } from "@revkv/servers/nats";
import { startNats, startNatsCluster } from "@revkv/servers/nats";
import { connect } from "../src/index.ts";

/** Values of a mebibyte, and what belongs to them, are more than a server takes by default. */
export const largePayloads = "max_payload: 4MB";

/** What NATS cannot do, and says so. */
export const gaps: Harness["knownGaps"] = {
  "B5/extremes":
    "NATS counts a lifetime in nanoseconds with 64 bits, from 100 ms on, and a message's size with 32 bits",
  "T1/farthest-deadline": "NATS counts a lifetime in nanoseconds with 64 bits",
};

const child = new URL("./open-child.ts", import.meta.url).href;

/** What a server is, as it says when it is connected to. */
async function describe(url: string): Promise<{ readonly version: readonly number[]; readonly payload: number }> {
  const connection = await connectNats({ servers: url });
  const { version = "", max_payload: payload = 0 } = connection.info ?? {};
  await connection.close();
  return { version: version.split(".").map(Number), payload };
}

/** What is to be claimed on a server: what needs a newer one is not. */
async function capabilitiesOn(url: string): Promise<Harness["capabilities"]> {
  const { version, payload } = await describe(url);
  const [, minor = 0] = version;
  return {
    transactions: false,
    perKeyTtl: false,
    limitMarkers: minor >= 11,
    ttlResolutionMs: 1500,
    multipleFilters: true,
    crossProcessWatch: true,
    readAfterWrite: true,
    snapshotReads: false,
    bucketIncarnation: true,
    lossDetection: "head",
    compression: minor >= 10,
    metadata: minor >= 10,
    maxBytes: false,
    compactionDetection: false,
    maxValueBytes: payload - 192,
    maxOperations: 1,
    maxFilters: 1000,
  };
}

/**
 * Storages that have a server each, which can be restarted; the one that REVKV_TEST_NATS_URL names is shared by all
 * scenarios that do not ask for one of their own.
 */
export async function serverHarness(name: string, knownGaps: Harness["knownGaps"] = {}): Promise<Harness> {
  const given = process.env["REVKV_TEST_NATS_URL"];
  let first: SharedNats | NatsServer | undefined =
    given === undefined
      ? await startNats({ config: largePayloads })
      : { url: given, [Symbol.asyncDispose]: async () => {} };
  return {
    name,
    capabilities: await capabilitiesOn(first.url),
    knownGaps,
    setup: async () => {
      const server = first ?? (await startNats({ config: largePayloads }));
      first = undefined;
      return storageOn(server);
    },
  };
}

function storageOn(server: SharedNats | NatsServer): HarnessStorage {
  const options = { servers: server.url };
  return {
    open: (more?: ManagerOptions) => connect({ ...options, ...more }),
    child: { module: child, args: [options] },
    ...("restart" in server && {
      restart: async (whileAway: () => Promise<void>) => {
        await server.stop();
        await whileAway();
        await server.restart();
      },
    }),
    dispose: async () => server[Symbol.asyncDispose](),
  };
}

/** Storages that are clusters of three servers, all of whose buckets have three replicas. */
export async function clusterHarness(name: string, knownGaps: Harness["knownGaps"] = {}): Promise<Harness> {
  const start = (): ReturnType<typeof startNatsCluster> => startNatsCluster(3, { config: largePayloads });
  let first: Awaited<ReturnType<typeof start>> | undefined = await start();
  return {
    name,
    capabilities: await capabilitiesOn(first.nodes[0]?.url ?? ""),
    knownGaps,
    setup: async () => {
      const cluster = first ?? (await start());
      first = undefined;
      const servers = cluster.nodes.map(({ url }) => url);
      return {
        // Three servers that sync with each other on a busy machine take their time.
        open: async (more?: ManagerOptions) => replicated(await connect({ servers, timeout: 15_000, ...more })),
        dispose: async () => cluster[Symbol.asyncDispose](),
      };
    },
  };
}

/** A manager that gives every bucket three replicas. */
function replicated(manager: KeyValueManager): KeyValueManager {
  const create = new Set<string | symbol>(["createKeyValue", "createOrUpdateKeyValue"]);
  return new Proxy(manager, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (config: KeyValueConfig, ...rest: readonly unknown[]): unknown => {
        const isConfig = create.has(name) && typeof config === "object" && !Array.isArray(config) && config !== null;
        return value.call(target, isConfig ? { ...config, replicas: 3 } : config, ...rest);
      };
    },
  });
}
