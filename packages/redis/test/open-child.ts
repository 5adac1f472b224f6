import type { KeyValueManager } from "@revkv/api";
import { Redis as Redis5 } from "ioredis5";
import type { RedisConnectOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";

/** Opens the same prefix in a process of the suite's; `ioredis5` is the URL for a client of that version. */
export async function open(options: RedisConnectOptions & { readonly ioredis5?: string }): Promise<KeyValueManager> {
  const { ioredis5, ...others } = options;
  if (ioredis5 === undefined) return connect(others);
  const client = new Redis5(ioredis5, { lazyConnect: true });
  return connect({ ...others, client });
}
