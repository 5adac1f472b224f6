import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { Client, escapeIdentifier } from "pg";
import { reservePort } from "./port.ts";
import type { TestServer } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import { needTool } from "./tool.ts";
import { unprivileged } from "./unprivileged.ts";

export interface PostgresOptions {
  /** False for tests that do not look at durability: much faster on slow disks. Default true. */
  readonly fsync?: boolean | undefined;
  /** Configuration parameters, such as `{ shared_preload_libraries: "pg_stat_statements" }`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>> | undefined;
}

export interface PostgresServer extends TestServer {
  /** Of the database "postgres", as a superuser. */
  readonly url: string;
}

/** A server that may be somebody else's: it can be used, but not be restarted, killed or paused. */
export type SharedPostgres = Pick<PostgresServer, "url"> & AsyncDisposable;

export interface PostgresDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
}

/** Makes the cluster on the first start, then becomes the server. */
const script = `
initdb=$1; shift
[ -e data/PG_VERSION ] ||
  "$initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions || exit
exec "$@"`;

/** Starts PostgreSQL on 127.0.0.1 and on a socket in its directory, with a cluster of its own. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const program = needTool("postgres", "postgresql");
  const initdb = join(dirname(program), "initdb");
  const reserved = await reservePort();
  const { port } = reserved;
  const server = await startServer({
    name: "postgres",
    ports: [reserved],
    user: unprivileged("postgres"),
    ready: /database system is ready to accept (read.only )?connections/,
    stopSignal: "SIGINT",
    command: (directory) => {
      const settings = {
        port,
        listen_addresses: "127.0.0.1",
        unix_socket_directories: directory,
        fsync: options.fsync ?? true,
        ...options.settings,
      };
      const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
      return ["sh", "-c", script, "sh", initdb, program, "-D", "data", ...args];
    },
  });
  return { ...server, url: `postgres://postgres@127.0.0.1:${port}/postgres` };
}

/** The server that REVKV_TEST_POSTGRES_URL names, as a superuser; if there is none, one without fsync. */
export async function testPostgres(): Promise<SharedPostgres> {
  const url = process.env["REVKV_TEST_POSTGRES_URL"];
  if (url === undefined) return await startPostgres({ fsync: false });
  return { url, [Symbol.asyncDispose]: async () => {} };
}

/** Creates an empty database, so that many tests share one server. Disposing of it drops it. */
export async function databaseOf(server: Pick<PostgresServer, "url">): Promise<PostgresDatabase> {
  const name = `revkv_${randomBytes(6).toString("hex")}`;
  await execute(server.url, `CREATE DATABASE ${escapeIdentifier(name)}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return {
    name,
    url: url.href,
    [Symbol.asyncDispose]: () => execute(server.url, `DROP DATABASE ${escapeIdentifier(name)} WITH (FORCE)`),
  };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
