import { KeyValueError } from "@revkv/api";
import type { RedisClient } from "./redis-client.ts";

/** The oldest server that is supported. */
const oldest = [6, 2] as const;

/**
 * Looks at a server, and gives what is unsafe about its settings.
 *
 * @throws `INCOMPATIBLE_STORAGE` when it is too old, or throws keys away that are not to be
 */
export async function inspectServer(client: RedisClient): Promise<readonly string[]> {
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
