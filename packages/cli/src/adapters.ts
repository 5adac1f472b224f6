import type { KeyValueManager } from "@revkv/api";
import { KeyValueError } from "@revkv/api";

/** What every adapter's module has. */
interface AdapterModule {
  // Each takes options of its own: those that its URLs become, checked by itself.
  connect(options: never): Promise<KeyValueManager>;
}

/** How the storages of some URLs are reached. */
export interface Adapter {
  /** The npm package, which is loaded when it is needed. */
  readonly module: string;
  /** The client library that the package needs beside it; undefined when it brings what it needs. */
  readonly client: string | undefined;
  /** The schemes of its URLs, with the colon. */
  readonly schemes: readonly string[];
  /** What such a URL looks like. */
  readonly example: string;
  load(): Promise<AdapterModule>;
  /** A URL as options of the adapter's `connect`. */
  options(url: string): Readonly<Record<string, unknown>>;
  /** Options with which `connect` leaves the storage as it is. */
  readonly asItIs?: Readonly<Record<string, unknown>>;
}

const adapters: readonly Adapter[] = [
  {
    module: "@revkv/memory",
    load: () => import("@revkv/memory"),
    client: undefined,
    schemes: ["memory:"],
    example: "memory:",
    options: (url) => {
      const name = url.slice("memory:".length);
      if (name.startsWith("//")) throw invalid(`a memory storage is "memory:" or "memory:name", without slashes`);
      return name === "" ? {} : { name };
    },
  },
  {
    module: "@revkv/sqlite",
    load: () => import("@revkv/sqlite"),
    client: "better-sqlite3",
    schemes: ["sqlite:"],
    example: "sqlite:./app.db",
    options: (url) => ({ file: sqliteFile(url) }),
  },
  {
    module: "@revkv/postgres",
    load: () => import("@revkv/postgres"),
    client: "pg",
    schemes: ["postgres:", "postgresql:"],
    example: "postgres://host/database",
    asItIs: { migrate: false },
    options: (url) => {
      const { rest, value } = takeParameter(url, "schema");
      return { connectionString: rest, ...(value === null ? {} : { schema: value }) };
    },
  },
  {
    module: "@revkv/redis",
    load: () => import("@revkv/redis"),
    client: "ioredis",
    schemes: ["redis:", "rediss:"],
    example: "redis://host:6379",
    options: (url) => {
      const { rest, value } = takeParameter(url, "prefix");
      return { url: rest, ...(value === null ? {} : { prefix: value }) };
    },
  },
  {
    module: "@revkv/nats",
    load: () => import("@revkv/nats"),
    client: "@nats-io/transport-node",
    schemes: ["nats:"],
    example: "nats://host:4222",
    options: (servers) => ({ servers }),
  },
];

/** The path in a URL of SQLite: `sqlite:./app.db` or `sqlite:///var/lib/app.db`. */
export function sqliteFile(url: string): string {
  const path = url.slice("sqlite:".length);
  return path.startsWith("//") ? path.slice(2) : path;
}

/**
 * The adapter for a URL.
 *
 * @throws `INVALID_ARGUMENT` for what is no URL of ours
 */
export function adapterOf(url: unknown): Adapter {
  const known =
    typeof url === "string" ? adapters.find(({ schemes }) => schemes.some((it) => url.startsWith(it))) : undefined;
  if (known !== undefined) return known;
  const examples = adapters.map(({ example }) => example).join(", ");
  const scheme = typeof url === "string" ? /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] : undefined;
  throw invalid(`${scheme === undefined ? "this" : `"${scheme}"`} is no storage that revkv knows: ${examples}`);
}

/**
 * Loads an adapter.
 *
 * @throws `UNSUPPORTED` when it, or the client library that it needs, is not installed; the message says what to type
 */
export async function loadAdapter(adapter: Adapter): Promise<AdapterModule> {
  try {
    return await adapter.load();
  } catch (cause) {
    const missing = missingPackage(cause);
    if (missing === undefined) throw cause;
    // With the adapter its client is missing too, more often than not.
    const wanted =
      missing === adapter.module && adapter.client !== undefined ? `${missing} ${adapter.client}` : missing;
    throw new KeyValueError("UNSUPPORTED", `${missing} is not installed: npm install ${wanted}`, { cause });
  }
}

/** Takes a parameter that is revkv's own out of a URL. */
export function takeParameter(url: string, name: string): { readonly rest: string; readonly value: string | null } {
  // The rest is left as it is, and need be no URL but to the client that reads it: Postgres takes some without a host.
  const [, before = url, query] = /^([^?]*)\?(.*)$/s.exec(url) ?? [];
  if (query === undefined) return { rest: url, value: null };
  const value = new URLSearchParams(query).get(name);
  const others = query.split("&").filter((one) => !new URLSearchParams(one).has(name));
  return { rest: others.length === 0 ? before : `${before}?${others.join("&")}`, value };
}

/** The name of the package that an import did not find. */
export function missingPackage(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return code === "ERR_MODULE_NOT_FOUND" ? /Cannot find package '([^']+)'/.exec(String(message))?.[1] : undefined;
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_ARGUMENT", message);
}
