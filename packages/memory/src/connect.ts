import type { KeyValueManager, ManagerOptions } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { checkManagerOptions, StorageManager } from "@revkv/api/adapter";
import { MemoryStorage } from "./memory-storage.ts";
import { leaseStore } from "./store.ts";

/** Options of {@link connect}. */
export interface MemoryOptions extends ManagerOptions {
  /**
   * Managers that are connected with the same name share one storage, within this process. Its data live while at least
   * one of them is open. Without a name the storage is the manager's own, and ends with it.
   */
  readonly name?: string | undefined;
  /**
   * The storage's clock, in milliseconds since 1970 (rule T6); default `Date.now`. Tests move it to make entries expire.
   * The first manager of a named storage decides; others leave it out or give the same function.
   */
  readonly now?: (() => number) | undefined;
}

const urlScheme = "memory:";
const known: ReadonlySet<string> = new Set(["name", "now", "timeout", "onEvent"]);

/**
 * Opens a storage in the memory of this process: one of its own, or by name (`"memory:name"` or `{ name }`) one that is
 * shared with every other manager of that name.
 *
 * @throws `INVALID_ARGUMENT` for an unknown or wrong option, and for a name that is in use with another clock
 *
 * @example
 * ```ts
 * import { connect } from "@revkv/memory";
 *
 * const manager = await connect();
 * const zones = await manager.createKeyValue({ bucket: "zones", history: 5 });
 * const revision = await zones.put("Europe.Paris", "+01:00");
 * await zones.update("Europe.Paris", "+02:00", revision);
 * console.log((await zones.get("Europe.Paris"))?.string()); // +02:00
 * await manager.close();
 * ```
 */
export async function connect(options: string | MemoryOptions = {}): Promise<KeyValueManager> {
  const given = typeof options === "string" ? parseUrl(options) : options;
  checkOptions(given);
  const { name, now, ...shared } = given;
  return new StorageManager(new MemoryStorage(leaseStore(name, now)), shared);
}

/** Reads `memory:name`; without a name (`memory:`) the storage is the manager's own. */
function parseUrl(url: string): MemoryOptions {
  if (!url.startsWith(urlScheme)) throw invalid(`a memory storage is "memory:" or "memory:name"`);
  const name = url.slice(urlScheme.length);
  if (name.startsWith("//")) throw invalid(`a memory storage is "memory:${name.slice(2)}", without slashes`);
  return name === "" ? {} : { name };
}

function checkOptions(options: unknown): asserts options is MemoryOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw invalid('options are an object or "memory:name"');
  const stranger = Object.keys(options).find((option) => !known.has(option));
  if (stranger !== undefined) throw invalid(`"${stranger}" is no option of a memory storage`);
  const { name, now } = options as Readonly<Record<string, unknown>>;
  if (name !== undefined && (typeof name !== "string" || name === "")) throw invalid("name is a string, not empty");
  if (now !== undefined && typeof now !== "function") throw invalid("now is a function that returns milliseconds");
  checkManagerOptions(options);
}

function invalid(message: string): KeyValueError {
  return new KeyValueError("INVALID_ARGUMENT", message);
}
