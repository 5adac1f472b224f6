import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { connect as connectNats } from "@nats-io/transport-node";
import type { ManagerOptions } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { checkManagerOptions, defaultTimeout } from "@revkv/api/adapter";
import { releaseProcess } from "./idle-connection.ts";
import { Link } from "./link.ts";
import type { NatsManager } from "./nats-manager.ts";
import { LinkedManager } from "./nats-manager.ts";
import { translateError } from "./translate-error.ts";

/** Servers to connect to. */
export interface NatsServersOptions extends ManagerOptions {
  /** Where they are: `nats://user:password@host:port`, `tls://…`, or `host:port`; one is enough, it tells of the others. */
  readonly servers: string | readonly string[];
  /** Further options of `connect` of `@nats-io/transport-node`, such as `authenticator` and `tls`. */
  readonly options?: Omit<ConnectionOptions, "servers"> | undefined;
}

/** A connection of the application's. */
export interface NatsConnectionOptions extends ManagerOptions {
  /** It stays the application's, and is not closed. */
  readonly connection: NatsConnection;
}

/** How NATS is reached. */
export type NatsConnectOptions = NatsServersOptions | NatsConnectionOptions;

const ways = { servers: ["servers", "options"], connection: ["connection"] } as const;

/**
 * Opens the buckets of an account on NATS with JetStream (2.9 or newer).
 *
 * @throws `INVALID_ARGUMENT` for an unknown or wrong option; `INCOMPATIBLE_STORAGE` for a server that is too old;
 * `UNSUPPORTED` where JetStream is not enabled; `PERMISSION_DENIED`, `UNAVAILABLE`, `TIMEOUT`
 *
 * @example
 * ```ts no-run
 * import { connect } from "@revkv/nats";
 *
 * const manager = await connect("nats://127.0.0.1:4222");
 * const zones = await manager.createOrUpdateKeyValue({ bucket: "zones", history: 5, replicas: 3 });
 * const revision = await zones.put("Europe.Paris", "+01:00");
 * await zones.update("Europe.Paris", "+02:00", revision);
 * console.log((await zones.get("Europe.Paris"))?.string()); // +02:00
 * await manager.close();
 * ```
 */
export async function connect(options: string | NatsConnectOptions): Promise<NatsManager> {
  const given = typeof options === "string" ? { servers: options } : options;
  checkOptions(given);
  const timeout = given.timeout ?? defaultTimeout;
  if ("connection" in given) return await manage(given.connection, given, timeout, async () => undefined);
  const connection = await open(given, timeout);
  void releaseProcess(connection);
  const close = (): Promise<void> => connection.close();
  return await manage(connection, given, timeout, close);
}

async function manage(
  connection: NatsConnection,
  options: ManagerOptions,
  timeout: number,
  close: () => Promise<void>,
): Promise<NatsManager> {
  try {
    if (connection.isClosed()) throw new KeyValueError("CLOSED", "the connection is closed");
    await checkJetStream(connection, timeout);
    const { info } = connection;
    if (info === undefined) throw new KeyValueError("UNAVAILABLE", "the connection has no server");
    return new LinkedManager(new Link(connection), info, options, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open({ servers, options }: NatsServersOptions, timeout: number): Promise<NatsConnection> {
  const list = typeof servers === "string" ? [servers] : [...servers];
  try {
    return await connectNats({
      name: "revkv",
      timeout,
      // Whoever waits for an answer has a deadline of its own: the connection is never given up.
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
      pingInterval: 10_000,
      noAsyncTraces: true,
      ...credentials(list),
      ...options,
      servers: list.map(withoutCredentials),
    });
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") {
      throw new KeyValueError("TIMEOUT", `no connection within ${timeout} ms`, { cause: error });
    }
    throw translateError(error, false);
  }
}

/** The user that a URL names; a name without a password is a token. */
function credentials(servers: readonly string[]): Pick<ConnectionOptions, "user" | "pass" | "token"> {
  for (const server of servers) {
    if (!URL.canParse(server)) continue;
    const { username, password } = new URL(server);
    const [user, pass] = [decoded(username), decoded(password)];
    if (pass !== "") return { user, pass };
    if (user !== "") return { token: user };
  }
  return {};
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("the user or password in the URL of a server is not encoded as URLs are");
  }
}

function withoutCredentials(server: string): string {
  return server.replace(/^([a-z]+:\/\/)[^/@]*@/, "$1");
}

/** Says at once that there is no JetStream, which later would look like a server that is not ready. */
async function checkJetStream(connection: NatsConnection, timeout: number): Promise<void> {
  try {
    const answer = await connection.request("$JS.API.INFO", "", { timeout });
    const { error } = answer.json<{ readonly error?: { readonly description?: string } }>();
    if (error !== undefined) {
      throw new KeyValueError("UNSUPPORTED", `there is no JetStream: ${error.description ?? "refused"}`);
    }
  } catch (error) {
    const { name, cause } = error as { readonly name?: string; readonly cause?: { readonly name?: string } };
    if (name === "NoRespondersError" || cause?.name === "NoRespondersError") {
      throw new KeyValueError("UNSUPPORTED", "JetStream is not enabled on the server", { cause: error });
    }
    if (name === "TimeoutError") throw new KeyValueError("TIMEOUT", `no answer within ${timeout} ms`, { cause: error });
    throw translateError(error, false);
  }
}

function checkOptions(options: unknown): asserts options is NatsConnectOptions {
  if (typeof options !== "object" || options === null) throw invalid('options are an object or "nats://…"');
  const given = options as Readonly<Record<string, unknown>>;
  const named = Object.keys(ways).filter((name) => name in given) as (keyof typeof ways)[];
  const [way] = named;
  if (way === undefined || named.length > 1) throw invalid("either servers or connection is needed");
  const known: readonly string[] = [...ways[way], "timeout", "onEvent"];
  const stranger = Object.keys(given).find((option) => !known.includes(option));
  if (stranger !== undefined) throw invalid(`"${stranger}" is no option here; known: ${known.join(", ")}`);
  if (way === "servers") checkServers(given["servers"]);
  else {
    const connection = (given["connection"] ?? {}) as { readonly request?: unknown; readonly status?: unknown };
    if (typeof connection.request !== "function" || typeof connection.status !== "function") {
      throw invalid("connection is one of @nats-io/transport-node");
    }
  }
  const further = given["options"];
  if (further !== undefined && (typeof further !== "object" || further === null)) {
    throw invalid("options are those of @nats-io/transport-node");
  }
  checkManagerOptions(options);
}

function checkServers(servers: unknown): void {
  const list: unknown = typeof servers === "string" ? [servers] : servers;
  const isServer = (server: unknown): boolean =>
    typeof server === "string" && /^((nats|tls|ws|wss):\/\/)?[^\s/:]([^\s/]*[^\s/:])?\/?$/.test(server);
  if (!Array.isArray(list) || list.length === 0 || !list.every(isServer)) {
    throw invalid('servers are one or more of "nats://host:port"');
  }
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_ARGUMENT", message);
}
