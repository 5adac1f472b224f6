import type { KeyValueManager } from "@revkv/api";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import type { RedisConnectOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { patient } from "./patient.ts";

type Nodes = readonly { readonly host: string; readonly port: number }[];

/** Opens the same prefix in a process of the suite's; `ioredis5` is where a client of that version is to connect to. */
export async function open(
  options: RedisConnectOptions & { readonly ioredis5?: string | Nodes },
): Promise<KeyValueManager> {
  const { ioredis5, ...others } = { timeout: patient, ...options };
  if (ioredis5 === undefined) return connect(others);
  const client =
    typeof ioredis5 === "string"
      ? new Redis5(ioredis5, { lazyConnect: true })
      : new Cluster5([...ioredis5], { lazyConnect: true });
  return connect({ ...others, client });
}
