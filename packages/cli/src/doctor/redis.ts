import { adapterOf } from "../adapters.ts";
import type { Finding } from "./finding.ts";
import { clockFinding, failure, ok, warning } from "./finding.ts";

/** The server, what it does when its memory is full, and whether it keeps what it was told. */
export async function* examination(url: string): AsyncGenerator<Finding, boolean> {
  const { url: serverUrl } = adapterOf(url).options(url) as { readonly url: string };
  const { Redis } = await import("ioredis");
  const client = new Redis(serverUrl, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    commandTimeout: 5000,
  });
  let lastError: unknown;
  client.on("error", (error) => {
    lastError = error;
  });
  try {
    await client.connect().catch((error: unknown) => {
      throw lastError ?? error;
    });
    const before = Date.now();
    const [seconds, microseconds] = await client.time();
    const after = Date.now();
    yield ok("reachable", `in ${after - before} ms`);
    const info = new Map(
      (await client.info()).split("\r\n").map((line) => {
        const [name = "", ...value] = line.split(":");
        return [name, value.join(":")] as const;
      }),
    );
    yield* serverFindings(info);
    yield clockFinding(Number(seconds) * 1000 + Number(microseconds) / 1000, before, after);
    return true;
  } finally {
    client.disconnect();
  }
}

function* serverFindings(info: ReadonlyMap<string, string>): Generator<Finding, void> {
  const version = info.get("redis_version") ?? "unknown";
  const valkey = info.get("valkey_version");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`;
  if (major > 6 || (major === 6 && minor >= 2)) yield ok("version", name);
  else yield failure("version", name, "at least Redis 6.2 is needed");
  const policy = info.get("maxmemory_policy") ?? "unknown";
  if (policy.startsWith("allkeys-")) {
    yield failure("memory", `maxmemory-policy is ${policy}: the server throws entries away`, "set it to noeviction");
  } else yield ok("memory", `maxmemory-policy is ${policy}`);
  if (info.get("maxmemory") !== "0") {
    const [used, most] = [Number(info.get("used_memory")), Number(info.get("maxmemory"))];
    const part = Math.round((used / most) * 100);
    const detail = `${part} % of maxmemory is used`;
    if (part < 90) yield ok("room", detail);
    else yield warning("room", detail, "writes are refused when it is full: raise maxmemory, or compact buckets");
  }
  if (info.get("aof_enabled") === "0") {
    yield warning(
      "durability",
      "appendonly is off: a crash takes back what was written since the last save",
      "set appendonly yes",
    );
  } else yield ok("durability", "append-only file");
  if (info.get("role") === "slave") {
    yield failure("role", "a replica: it can be behind, and refuses writes", "connect to the primary, or by Sentinel");
  } else yield ok("role", "primary");
}
