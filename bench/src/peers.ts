import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { Kvm } from "@nats-io/kv";
import { connect as connectNats } from "@nats-io/transport-node";
import type { KeyvOptions } from "keyv";
import Keyv from "keyv";
import type { Driver } from "unstorage";
import { createStorage } from "unstorage";
import type { Setup, Subject, Value } from "./store.ts";

/** A plain `Map` in async functions, watched by way of an `EventEmitter`: the floor that everything stands on. */
export const map: Subject = {
  name: "Map",
  async open() {
    const values = new Map<string, Value>();
    const changes = new EventEmitter().setMaxListeners(0);
    let watched = false;
    return {
      separator: ".",
      put: async (key, value) => {
        values.set(key, value);
        if (watched) changes.emit("change", key, value);
      },
      get: async (key) => values.get(key),
      read: (answer) => answer as Value,
      keys: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
      watch: async (onEntry) => {
        watched = true;
        // A listener is called once for each time it is added: every watcher has a function of its own.
        const listener = (): void => onEntry();
        changes.on("change", listener);
        return () => changes.off("change", listener);
      },
    };
  },
};

/** A keyv; without options its store is in memory and its values are serialised as JSON. */
export function keyv(name: string, options?: (setup: Setup) => KeyvOptions | Promise<KeyvOptions>): Subject {
  return {
    name,
    async open(setup) {
      const store = new Keyv<Value>(await options?.(setup));
      return {
        separator: ".",
        put: (key, value) => store.set(key, value),
        get: (key) => store.get(key),
        read: (answer) => answer as Value,
        keys: async (prefix) => {
          const keys: string[] = [];
          for await (const [key] of store.iterator()) {
            if (typeof key === "string" && key.startsWith(prefix)) keys.push(key);
          }
          return keys.sort();
        },
      };
    },
  };
}

/** unstorage on one of its drivers; its watchers are told the key, not the value. */
export function unstorage(makeDriver: (setup: Setup) => Driver | Promise<Driver>): Subject {
  return {
    name: "unstorage",
    async open(setup) {
      const storage = createStorage<Value>({ driver: await makeDriver(setup) });
      const text = setup.kind === "string";
      return {
        separator: ":",
        put: text ? (key, value) => storage.setItem(key, value) : (key, value) => storage.setItemRaw(key, value),
        get: text ? (key) => storage.getItem(key) : (key) => storage.getItemRaw(key),
        read: (answer) => answer as Value,
        keys: (prefix) => storage.getKeys(prefix),
        watch: (onEntry) => storage.watch(() => onEntry()),
      };
    },
  };
}

/** A bucket of NATS with one entry per key, on the server at this URL. */
export function natsBucket(url: () => string): Subject {
  return {
    name: "NATS",
    async open({ kind }) {
      const connection = await connectNats({ servers: url() });
      const name = `bench_${randomBytes(6).toString("hex")}`;
      const bucket = await new Kvm(connection).create(name, { history: 1 });
      return {
        separator: ".",
        put: (key, value) => bucket.put(key, value),
        get: (key) => bucket.get(key),
        read: (answer) => {
          const entry = answer as { readonly value: Uint8Array; string(): string };
          return kind === "string" ? entry.string() : entry.value;
        },
      };
    },
  };
}
