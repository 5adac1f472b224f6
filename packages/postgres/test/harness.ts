import { randomBytes } from "node:crypto";
import type { ManagerOptions } from "@revkv/api";
import { embeddedCapabilities } from "@revkv/api/adapter";
import type { Harness } from "@revkv/conformance";
import type { SharedPostgres } from "@revkv/servers/postgres";
import { databaseOf, startPostgres, testPostgres } from "@revkv/servers/postgres";
import pg from "pg";
import type { PostgresUrlOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { patient } from "./patient.ts";

const capabilities: Harness["capabilities"] = {
  ...embeddedCapabilities,
  crossProcessWatch: true,
  lossDetection: "head",
  maxValueBytes: 2 ** 28,
};

/** A schema's name that no other test has. */
export function freshSchema(): string {
  return `test_${randomBytes(6).toString("hex")}`;
}

/** Carries out a statement on a connection of its own. */
export async function execute(url: string, text: string, values: unknown[] = []): Promise<readonly unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text, values, rowMode: "array" })).rows as unknown[][];
  } finally {
    await client.end();
  }
}

const child = new URL("./open-child.ts", import.meta.url).href;

/** What a harness needs to open a schema: URLs, and whatever else `connect` takes. */
type Opening = Omit<PostgresUrlOptions, "schema" | "timeout" | "onEvent">;

/** Storages that are schemas of one database; `reach` says how it is connected to, `prepare` makes a schema ready. */
export function schemaHarness(
  name: string,
  server: () => Promise<SharedPostgres>,
  reach: (url: string) => Promise<Opening> = async (connectionString) => ({ connectionString }),
  prepare: (url: string, schema: string) => Promise<void> = async () => undefined,
): Harness {
  let opened: Promise<{ readonly url: string; readonly opening: Opening }> | undefined;
  const open = async (): Promise<{ readonly url: string; readonly opening: Opening }> => {
    const { url } = await databaseOf(await server());
    return { url, opening: await reach(url) };
  };
  return {
    name,
    capabilities,
    setup: async () => {
      opened ??= open();
      const { url, opening } = await opened;
      const options = { ...opening, schema: freshSchema() };
      await prepare(url, options.schema);
      return {
        open: (more?: ManagerOptions) => connect({ timeout: patient, ...options, ...more }),
        child: { module: child, args: [options] },
        dispose: async () => {
          await execute(url, `DROP SCHEMA IF EXISTS ${options.schema} CASCADE`);
        },
      };
    },
  };
}

/** A server for all storages of a test file. */
export const sharedServer: () => Promise<SharedPostgres> = once(testPostgres);

/** Storages that have a server each, which can be restarted. */
export const restartableHarness: Harness = {
  name: "server of its own",
  capabilities,
  setup: async () => {
    const server = await startPostgres({ fsync: false });
    const options = { connectionString: server.url, max: 4 };
    return {
      open: (more?: ManagerOptions) => connect({ ...options, ...more }),
      child: { module: child, args: [options] },
      restart: async (whileAway) => {
        await server.stop();
        await whileAway();
        await server.restart();
      },
      dispose: () => server.stop(),
    };
  },
};

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => {
    started ??= start();
    return started;
  };
}
