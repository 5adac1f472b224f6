import type { KeyValue, KeyValueManager, KeyWatcher } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import type { ChildModule } from "../harness.ts";
import { count, factOf, newest, put, race } from "./operations.ts";
import type { Commands, Message, Request } from "./protocol.ts";
import type { Recorded } from "./record.ts";
import { clock } from "./record.ts";

/** The program of another process: opens the storage by itself and does what its parent asks for. */

let manager: KeyValueManager | undefined;
const watches = new Map<string, Watch>();

interface Watch {
  readonly watcher: KeyWatcher;
  readonly seen: Recorded[];
  readonly ended: Promise<void>;
  /** Called with every revision delivered. */
  onRevision: (revision: number) => void;
}

async function bucket(name: string): Promise<KeyValue> {
  if (manager === undefined) throw new Error("the storage is not open");
  return await manager.keyValue(name);
}

const commands: Commands = {
  async open({ module, args }) {
    const { open } = (await import(module)) as ChildModule;
    manager = await open(...args);
  },
  async createBucket(config) {
    await manager?.createKeyValue(config);
  },
  async updateBucket(config) {
    await manager?.updateKeyValue(config);
  },
  race: async (plan) => await race(await bucket(plan.bucket), plan),
  count: async (plan) => await count(await bucket(plan.bucket), plan),
  put: async (name, key, value) => await put(await bucket(name), key, value),
  newest: async (name, key) => await newest(await bucket(name), key),

  async watch(name, filter) {
    const watcher = await (await bucket(name)).watch(filter);
    await new Promise<void>((resolve, reject) => {
      const seen: Recorded[] = [];
      const ended = watcher.forEach((entry) => {
        const now = clock();
        if (entry === null) resolve();
        else {
          seen.push({ ...factOf("seen", entry), invoked: now, returned: now });
          watch.onRevision(entry.revision);
        }
      });
      const watch: Watch = { watcher, seen, ended, onRevision: () => {} };
      watches.set(name, watch);
      ended.catch(reject);
    });
  },
  async watched(name, revision) {
    const watch = watches.get(name);
    if (watch === undefined) throw new Error(`bucket ${name} is not watched`);
    const { seen, watcher, ended } = watch;
    await new Promise<void>((resolve, reject) => {
      watch.onRevision = (delivered) => {
        if (delivered >= revision) resolve();
      };
      watch.onRevision(seen.at(-1)?.revision ?? 0);
      ended.then(() => reject(new Error(`the watcher ended before revision ${revision}`)), reject);
    });
    await watcher.stop();
    await ended;
    return seen;
  },

  async storm(name, prefix) {
    const kv = await bucket(name);
    for (let index = 0; ; index += 1) {
      const acknowledged = await putPair(kv, `${prefix}.${index}`);
      await say({ acknowledged });
    }
  },

  async leave(name) {
    const kv = await bucket(name);
    const short = `${name}-short`;
    await manager?.createKeyValue({ bucket: short });
    await manager?.updateKeyValue({ bucket: short, history: 2 });
    await manager?.deleteKeyValue(short);
    const controller = new AbortController();
    const { signal } = controller;
    const [stopped, broken, aborted] = await Promise.all([kv.watchAll(), kv.watchAll(), kv.watchAll({ signal })]);
    const stopping = stopped.forEach(ignore);
    for await (const entry of broken) if (entry === null) break;
    const aborting = aborted.forEach(ignore).catch((error: unknown) => {
      if (error !== signal.reason) throw error;
    });
    await stopped.stop();
    controller.abort();
    await Promise.all([stopping, aborting]);
    // This one is left to the manager.
    await kv.watchAll();
    await manager?.close();
  },
  async neglect(name) {
    const kv = await bucket(name);
    await kv.watchAll();
    const begun = (await kv.watchAll())[Symbol.asyncIterator]();
    while ((await begun.next()).value !== null);
  },
};

async function putPair(kv: KeyValue, key: string): Promise<readonly number[]> {
  const pair = [`${key}.a`, `${key}.b`];
  if (!manager?.capabilities.transactions) return [await kv.put(pair[0] ?? "", "x")];
  return await kv.transaction(pair.map((one) => ({ op: "put", key: one, value: "x" })));
}

/** Says something to the parent; resolves when it is on its way. */
async function say(message: Message): Promise<void> {
  await new Promise<void>((resolve) => {
    process.send?.(message, undefined, undefined, () => resolve());
  });
}

async function answerTo({ id, command, args }: Request): Promise<Message> {
  try {
    const run = commands[command] as (...args: readonly unknown[]) => Promise<unknown>;
    return { id, result: await run(...args) };
  } catch (error) {
    const code = isKeyValueError(error) ? error.code : undefined;
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error), code };
  }
}

async function handle(request: Request): Promise<void> {
  await say(await answerTo(request));
  // Without the channel nothing but what the adapter left behind keeps this process alive (rule W9).
  if (request.command === "leave" || request.command === "neglect") {
    process.off("disconnect", orphaned);
    process.disconnect();
  }
}

function ignore(): void {}

/** The parent is gone: nobody will ask for anything again. */
function orphaned(): void {
  process.exit(1);
}

process.on("disconnect", orphaned);
process.on("message", (request: Request) => void handle(request));
