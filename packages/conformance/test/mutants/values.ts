import type { KeyValueEntry } from "@revkv/api";
import { bytesOf } from "@revkv/api/adapter";
import { onCalls, onManager, onWatched, onWrites, withValue } from "./layers.ts";
import type { Mutant } from "./mutant.ts";
import { mutant } from "./mutant.ts";

const text = new TextDecoder();
const utf8 = new TextEncoder();

/** Adapters that change values, or do not hold what they were given apart (rule M6). */
export const valueMutants: readonly Mutant[] = [
  mutant("M6", "takes an empty value for a marker", () =>
    onWrites((unit) =>
      unit.map((write) => (write.op === "put" && write.value.length === 0 ? { ...write, op: "delete" } : write)),
    ),
  ),
  mutant("M6", "stores values as text", () =>
    onWrites((unit) => unit.map((write) => ({ ...write, value: utf8.encode(text.decode(bytesOf(write.value))) }))),
  ),
  mutant("M6", "keeps the caller's buffer instead of its bytes", () => {
    const buffers = new Map<string, Uint8Array>();
    const alias = (entry: KeyValueEntry | null): KeyValueEntry | null => {
      const value = entry === null ? undefined : buffers.get(entry.key);
      return entry === null || value === undefined ? entry : withValue(entry, value);
    };
    return onCalls((kv) => ({
      put: (key, value, options) => {
        if (value instanceof Uint8Array) buffers.set(key, value);
        return kv.put(key, value, options);
      },
      get: async (key, options) => alias(await kv.get(key, options)),
    }));
  }),
  mutant("M6", "gives every reader the same bytes", () => {
    const given = new Map<string, KeyValueEntry | null>();
    return onCalls((kv) => ({
      get: async (key, options) => {
        const entry = await kv.get(key, options);
        const id = `${key} ${entry?.revision}`;
        if (!given.has(id)) given.set(id, entry);
        return given.get(id) ?? null;
      },
    }));
  }),
  mutant("M6", "cuts large values off", () =>
    onWrites((unit) => unit.map((write) => ({ ...write, value: write.value.slice(0, 65_536) }))),
  ),
  mutant("M6", "gives every watcher the same bytes", () => {
    const given = new Map<string, Uint8Array>();
    return onWatched((entry) => {
      const id = `${entry.key} ${entry.revision}`;
      const value = given.get(id) ?? entry.value;
      given.set(id, value);
      return withValue(entry, value);
    });
  }),
  mutant("M6", "stores the buffer behind a view as a whole", () =>
    onCalls((kv) => ({
      put: (key, value, options) =>
        kv.put(key, value instanceof Uint8Array ? new Uint8Array(value.buffer) : value, options),
    })),
  ),
  mutant("M6", "keeps the caller's buffer in a transaction", () => {
    const buffers = new Map<string, Uint8Array>();
    return onCalls((kv) => ({
      transaction: (operations, options) => {
        for (const operation of operations) {
          if ("value" in operation && operation.value instanceof Uint8Array)
            buffers.set(operation.key, operation.value);
        }
        return kv.transaction(operations, options);
      },
      get: async (key, options) => {
        const entry = await kv.get(key, options);
        const value = buffers.get(key);
        return entry === null || value === undefined ? entry : withValue(entry, value);
      },
    }));
  }),
  mutant("M6", "stores an empty value for bytes that were given away", () =>
    onCalls((kv) => ({
      put: (key, value, options) =>
        kv.put(
          key,
          value instanceof Uint8Array && (value.buffer as ArrayBuffer).detached ? new Uint8Array(0) : value,
          options,
        ),
    })),
  ),
  mutant("M6", "looks at a config a moment after the call", () =>
    onManager((manager) => ({
      updateKeyValue: async (config, options) => {
        await undefined;
        return await manager.updateKeyValue(config, options);
      },
    })),
  ),
  mutant("M6", "looks at a list of filters a moment after the call", () =>
    onCalls((kv) => ({
      deleteAll: async (filter, options) => {
        await undefined;
        return await kv.deleteAll(filter, options);
      },
    })),
  ),
  mutant("M6", "looks at a condition a moment after the call", () =>
    onCalls((kv) => ({
      delete: async (key, options) => {
        await undefined;
        return await kv.delete(key, options);
      },
    })),
  ),
  mutant("M6", "looks at a ttl a moment after the call", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        const bytes = typeof value === "string" ? value : value.slice();
        await undefined;
        return await kv.put(key, bytes, options);
      },
    })),
  ),
  mutant("M6", "looks at operations a moment after the call", () =>
    onCalls((kv) => ({
      transaction: async (operations, options) => {
        const list = [...operations];
        await undefined;
        return await kv.transaction(list, options);
      },
    })),
  ),
  mutant("M6", "shows watchers the caller's buffer", () => {
    const buffers = new Map<string, Uint8Array>();
    return {
      keyValue: (kv) => ({
        put: (key, value, options) => {
          if (value instanceof Uint8Array) buffers.set(key, value);
          return kv.put(key, value, options);
        },
      }),
      items: async function* (items) {
        for await (const item of items) {
          const value = item === null ? undefined : buffers.get(item.key);
          yield item === null || value === undefined ? item : withValue(item, value);
        }
      },
    };
  }),
];
