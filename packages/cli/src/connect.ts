import type { KeyValueManager, ManagerOptions } from "@revkv/api";
import { adapterOf, loadAdapter } from "./adapters.ts";

/**
 * Opens a storage by its URL, whichever it is, and loads the adapter for it: `memory:`, `memory:name`, `sqlite:./app.db`,
 * `postgres://…` (a schema of its own with `?schema=name`), `redis://…` and `rediss://…` (a prefix of its own with
 * `?prefix=name`), `nats://…`.
 *
 * @throws `INVALID_ARGUMENT` for a URL that is none of these; `UNSUPPORTED` when the adapter or its client library is not
 * installed, with what to type; and what the adapter's own `connect` throws
 *
 * @example
 * ```ts
 * import { connect } from "revkv";
 *
 * const manager = await connect("sqlite:./app.db");
 * const zones = await manager.createOrUpdateKeyValue({ bucket: "zones", history: 5 });
 * const revision = await zones.put("Europe.Paris", "+01:00");
 * await zones.update("Europe.Paris", "+02:00", revision);
 * console.log((await zones.get("Europe.Paris"))?.string()); // +02:00
 * await manager.close();
 * ```
 */
export async function connect(url: string, options: ManagerOptions = {}): Promise<KeyValueManager> {
  const adapter = adapterOf(url);
  const { connect: open } = await loadAdapter(adapter);
  return open({ ...adapter.options(url), ...options } as never);
}
