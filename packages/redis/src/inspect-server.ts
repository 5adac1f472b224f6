import { KeyValueError } from "@revkv/api";
import type { RedisNode } from "./redis-client.ts";

/** The oldest server that is supported. */
const oldest = [6, 2] as const;

/**
 * Looks at a server, and gives what is unsafe about its settings.
 *
 * @throws `INCOMPATIBLE_STORAGE` when it is too old, throws keys away that are not to be, or is part of a Cluster and was
 * not connected to as one; `READ_ONLY` when it is a replica
 */
export async function inspectServer(client: RedisNode, inCluster: boolean): Promise<readonly string[]> {
  const info = new Map(
    String(await client.callBuffer("info"))
      .split("\r\n")
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const),
  );
  const version = info.get("redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    throw new KeyValueError("INCOMPATIBLE_STORAGE", `the server is Redis ${version}: at least 6.2 is needed`);
  }
  if (info.get("cluster_enabled") === "1" && !inCluster) {
    throw new KeyValueError("INCOMPATIBLE_STORAGE", "the server is a node of a Cluster: connect by { cluster: [...] }");
  }
  if (info.get("role") === "slave") {
    throw new KeyValueError("READ_ONLY", "the server is a replica: connect to its master");
  }
  const policy = info.get("maxmemory_policy") ?? "";
  if (policy.startsWith("allkeys-")) {
    throw new KeyValueError(
      "INCOMPATIBLE_STORAGE",
      `maxmemory-policy is ${policy}: the server would throw entries away; set it to noeviction`,
    );
  }
  return info.get("aof_enabled") === "0"
    ? ["appendonly is off: a server that crashes loses what was written since it saved last"]
    : [];
}
