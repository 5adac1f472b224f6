import { compileFilter, isKeyValueError, KeyValueError } from "@revkv/api";
import { onCalls } from "./layers.ts";
import type { Layer, Mutant } from "./mutant.ts";
import { mutant, withItems } from "./mutant.ts";

/** A layer over every call that takes filters for reading: what they get is another filter. */
function onFilters(change: (filter: string) => string): Layer {
  const changed = <T extends string | readonly string[] | undefined>(filter: T): T =>
    (typeof filter === "string" ? change(filter) : Array.isArray(filter) ? filter.map(change) : filter) as T;
  return onCalls((kv) => ({
    keys: (filter, options) => kv.keys(changed(filter), options),
    listKeys: (filter, options) => kv.listKeys(changed(filter), options),
    entries: (filter, options) => kv.entries(changed(filter), options),
    history: (filter, options) => kv.history(changed(filter), options),
    watch: (filter, options) => kv.watch(changed(filter), options),
  }));
}

/** The answer to a call that fails with this code. */
async function unless<T>(
  code: "INVALID_KEY" | "REVISION_MISMATCH" | "KEY_EXISTS",
  answer: Promise<T>,
  other: () => T | Promise<T>,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isKeyValueError(error, code)) throw error;
    return await other();
  }
}

/** Adapters that are wrong about keys and filters (rules K1 to K3). */
export const keyAndFilterMutants: readonly Mutant[] = [
  mutant("K1", "finds nothing under a bad key instead of refusing it", () =>
    onCalls((kv) => ({ get: (key, options) => unless("INVALID_KEY", kv.get(key, options), () => null) })),
  ),
  mutant("K1", "accepts a colon in a key that it deletes", () =>
    onCalls((kv) => ({
      delete: (key, options) => kv.delete(typeof key === "string" ? key.replaceAll(":", "_") : key, options),
    })),
  ),
  mutant("K1", "refuses a key that begins with _", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        if (typeof key === "string" && key.startsWith("_")) throw new KeyValueError("INVALID_KEY", "reserved");
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("K1", "asks the storage before it looks at the key", () =>
    onCalls((kv) => ({
      put: async (key, value, options) => {
        await kv.status();
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("K2", "lets * stand for any number of tokens", () => onFilters((filter) => filter?.replace?.(/\.\*$/, ".>"))),
  mutant("K2", "lets a.> stand for a as well", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        const keys = await kv.keys(filter, options);
        const parent = typeof filter === "string" && filter.endsWith(".>") ? filter.slice(0, -2) : undefined;
        if (parent === undefined || parent.includes("*") || (await kv.get(parent)) === null) return keys;
        return [parent, ...keys].sort();
      },
    })),
  ),
  mutant("K2", "reads the empty filter as all keys", () => onFilters((filter) => (filter === "" ? ">" : filter))),
  mutant("K2", "accepts a wildcard within a token", () => onFilters((filter) => (filter === "foo*" ? "foo" : filter))),
  mutant("K2", "takes _ in a filter for any character", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        if (typeof filter !== "string" || !filter.includes("_")) return await kv.keys(filter, options);
        const like = new RegExp(`^${filter.replaceAll("_", ".").replaceAll("*", "[^.]+").replace(">", ".+")}$`);
        return (await kv.keys()).filter((key) => like.test(key));
      },
    })),
  ),
  mutant("K2", "filters what is there and not what comes", () =>
    onCalls((kv) => ({
      watch: async (filter, options) =>
        options?.updatesOnly === true ? await kv.watch(">", options) : await kv.watch(filter, options),
    })),
  ),
  mutant("K2", "asks the storage before it looks at the filter", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        await kv.status();
        return await kv.keys(filter, options);
      },
    })),
  ),
  mutant("K3", "delivers an entry once for each filter that it matches", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        if (!Array.isArray(filter) || filter.length < 2) return await kv.keys(filter, options);
        return (await Promise.all(filter.map((one) => kv.keys(one, options)))).flat().sort();
      },
    })),
  ),
  mutant("K3", "selects nothing with an empty list", () =>
    onCalls((kv) => ({
      history: async (filter, options) => (filter.length === 0 ? [] : await kv.history(filter, options)),
      keys: async (filter, options) => (filter?.length === 0 ? [] : await kv.keys(filter, options)),
      watch: (filter, options) => kv.watch(filter?.length === 0 ? "no.such.key" : filter, options),
    })),
  ),
  mutant("K3", "selects what matches all filters of a list", () =>
    onCalls((kv) => ({
      keys: async (filter, options) => {
        if (!Array.isArray(filter) || filter.length < 2) return await kv.keys(filter, options);
        const [first = [], ...others] = await Promise.all(filter.map((one) => kv.keys(one, options)));
        return first.filter((key) => others.every((keys) => keys.includes(key)));
      },
    })),
  ),
  mutant("K3", "has a watcher deliver an entry once for each filter that it matches", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        const matchers = Array.isArray(filter) ? filter.map((one) => compileFilter(one)) : [];
        return withItems(watcher, async function* (items) {
          for await (const item of items) {
            yield item;
            if (item === null) continue;
            for (const _ of matchers.filter((one) => one.matches(item.key)).slice(1)) yield item;
          }
        });
      },
    })),
  ),
];
