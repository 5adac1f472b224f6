import type { KeyValueManager } from "@revkv/api";
import { connect } from "../../memory/src/index.ts";

/** Opens a memory storage in another process. It is that process's own: what is tested with it is the conversation. */
export async function open(name: string): Promise<KeyValueManager> {
  const manager = await connect({ name });
  await manager.createKeyValue({ bucket: "bucket", history: 64 });
  return manager;
}
