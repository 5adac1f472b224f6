import type { KeyValueManager } from "@revkv/api";
import type { Harness } from "@revkv/conformance";
import { realClock } from "../../../memory/test/harness.ts";
import { schemaHarness, sharedServer as sharedPostgres } from "../../../postgres/test/harness.ts";
import { prefixHarness, sharedServer as sharedRedis } from "../../../redis/test/harness.ts";
import { fileHarness } from "../../../sqlite/test/harness.ts";
import { serverHarness } from "../harness.ts";

/** An adapter that takes part in traces, opened twice. */
export interface Side {
  readonly name: string;
  readonly managers: readonly [KeyValueManager, KeyValueManager];
  close(): Promise<void>;
}

/** Opens NATS, and behind it every other adapter, each on its real engine. */
export async function openSides(): Promise<readonly Side[]> {
  const harnesses: readonly (readonly [name: string, harness: Harness])[] = [
    ["nats", await serverHarness("NATS")],
    ["memory", realClock],
    ["sqlite", fileHarness("better-sqlite3", "normal")],
    ["postgres", schemaHarness("postgres", sharedPostgres)],
    ["redis", prefixHarness("redis", sharedRedis)],
  ];
  return await Promise.all(harnesses.map(([name, harness]) => openSide(name, harness)));
}

async function openSide(name: string, harness: Harness): Promise<Side> {
  const storage = await harness.setup();
  // How long a busy machine takes is not compared.
  const open = (): Promise<KeyValueManager> => storage.open({ timeout: 60_000 });
  const managers = [await open(), await open()] as const;
  return {
    name,
    managers,
    close: async () => {
      for (const manager of managers) await manager.close();
      await storage.dispose();
    },
  };
}
