import type { KeyValueEntry, KeyValueManager } from "@revkv/api";
import type { Setup, Subject } from "./store.ts";

/** A bucket of an adapter of ours; its name is to be unique where processes share a storage. */
export function revkv(
  name: string,
  connect: (setup: Setup) => Promise<KeyValueManager>,
  bucketName = "bench",
): Subject {
  return {
    name,
    async open(setup) {
      const manager = await connect(setup);
      const bucket = await manager.createKeyValue({ bucket: bucketName });
      return {
        separator: ".",
        put: (key, value) => bucket.put(key, value),
        get: (key) => bucket.get(key),
        read:
          setup.kind === "string"
            ? (answer) => (answer as KeyValueEntry).string()
            : (answer) => (answer as KeyValueEntry).value,
        keys: (prefix) => bucket.keys(`${prefix}>`),
        watch: async (onEntry) => {
          const watcher = await bucket.watch(">", { updatesOnly: true });
          const entries = watcher[Symbol.asyncIterator]();
          await entries.next();
          const read = async (): Promise<void> => {
            while (!(await entries.next()).done) onEntry();
          };
          const reading = read();
          return async () => {
            await watcher.stop();
            await reading;
          };
        },
      };
    },
  };
}
