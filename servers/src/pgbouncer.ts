import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reservePort } from "./port.ts";
import type { TestServer } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import { needTool } from "./tool.ts";
import { unprivileged } from "./unprivileged.ts";

export interface PgBouncerOptions {
  /** For how long a client keeps a connection to the server. */
  readonly mode: "session" | "transaction" | "statement";
  /** Configuration parameters, such as `{ default_pool_size: 2 }`. */
  readonly settings?: Readonly<Record<string, string | number>> | undefined;
}

export interface PgBouncer extends TestServer {
  /** Of the same database, through the pooler. */
  readonly url: string;
}

/**
 * Starts PgBouncer on 127.0.0.1 before the database of an URL. Before version 1.21 it knows no prepared statements with
 * names in the modes "transaction" and "statement"; Debian 12 has 1.18.
 */
export async function startPgBouncer(postgresUrl: string, options: PgBouncerOptions): Promise<PgBouncer> {
  const program = needTool("pgbouncer");
  const reserved = await reservePort();
  const { port } = reserved;
  const target = new URL(postgresUrl);
  const server = await startServer({
    name: "pgbouncer",
    ports: [reserved],
    user: unprivileged("postgres"),
    ready: /process up: /,
    stopSignal: "SIGTERM",
    command: async (directory) => {
      const file = join(directory, "pgbouncer.ini");
      // World-readable inside a directory that is not: the server may run as somebody else.
      await writeFile(file, configuration(target, port, options));
      return [program, file];
    },
  });
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  return { ...server, url: url.href };
}

function configuration(target: URL, port: number, options: PgBouncerOptions): string {
  const database = {
    host: target.hostname,
    port: target.port || 5432,
    user: decodeURIComponent(target.username),
    ...(target.password === "" ? {} : { password: decodeURIComponent(target.password) }),
  };
  const settings = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "any",
    pool_mode: options.mode,
    ...options.settings,
  };
  return [
    "[databases]",
    `* = ${lines(database, (value) => `'${value.replaceAll("'", "''")}'`).join(" ")}`,
    "[pgbouncer]",
    ...lines(settings, (value) => value),
    "",
  ].join("\n");
}

function lines(values: Readonly<Record<string, string | number>>, write: (value: string) => string): string[] {
  return Object.entries(values).map(([name, value]) => `${name}=${write(`${value}`)}`);
}
