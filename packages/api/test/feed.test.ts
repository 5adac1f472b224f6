import type { KeyValue, KeyValueEntry, KeyValueEvent, KeyValueManager } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import type { LogPage, LogQuery } from "@revkv/api/adapter";
import { StorageManager } from "@revkv/api/adapter";
import { expect, onTestFinished, test } from "vitest";
import { mapStorage } from "../../../examples/map-adapter.ts";
import { RemoteStorage } from "./remote-storage.ts";

interface Opened {
  readonly line: RemoteStorage;
  readonly manager: KeyValueManager;
  readonly kv: KeyValue;
  readonly events: KeyValueEvent[];
}

async function open(timeout = 5000, line: RemoteStorage = new RemoteStorage()): Promise<Opened> {
  const events: KeyValueEvent[] = [];
  const manager = new StorageManager(line.storage, { timeout, onEvent: (event) => events.push(event) });
  onTestFinished(() => {
    line.before = async () => undefined;
    return manager.close();
  });
  const kv = await manager.createKeyValue({ bucket: "b", history: 5 });
  line.requests.length = 0;
  return { line, manager, kv, events };
}

const shown = (entry: KeyValueEntry | null): string => (entry === null ? "null" : `${entry.key}@${entry.revision}`);

test("W7: 1,000 watchers that have caught up cost one page read per batch of changes", async () => {
  const { line, kv } = await open();
  const seen: string[] = [];
  const arrived = (count: number): Promise<void> => expect.poll(() => seen.length).toBe(count);
  const watchers = await Promise.all(Array.from({ length: 1000 }, () => kv.watch(">", { updatesOnly: true })));
  const ends = watchers.map((watcher) => watcher.forEach((entry) => void seen.push(shown(entry))));
  await arrived(1000);
  line.requests.length = 0;
  await Promise.all([kv.put("a", "1"), kv.put("b", "1")]);
  await arrived(3000);
  await expect.poll(() => line.count("readLog")).toBe(1);
  await Promise.all(watchers.map((watcher) => watcher.stop()));
  await Promise.all(ends);
});

test("W7: what a lowered history removes is not delivered, though its caller has given up", async () => {
  const { line, manager, kv } = await open();
  for (const key of ["a", "b"]) for (const value of ["1", "2"]) await kv.put(key, value);
  // A storage need not announce what the manager itself has changed.
  line.before = async ({ method, args }) => {
    if (method === "subscribe") args[0] = () => undefined;
  };
  const watcher = await kv.watch(">", { includeHistory: true });
  const entries = watcher[Symbol.asyncIterator]();
  const next = async (): Promise<string> => shown((await entries.next()).value ?? null);
  expect(await next()).toBe("a@1");
  const carriedOut = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  line.before = ({ method }) => (method === "configure" ? letGo.promise : Promise.resolve());
  line.after = async ({ method }) => {
    if (method === "configure") carriedOut.resolve();
  };
  const controller = new AbortController();
  const lowering = manager.updateKeyValue({ bucket: "b", history: 1 }, { signal: controller.signal });
  await expect.poll(() => line.count("configure")).toBe(1);
  controller.abort(new Error("enough"));
  await expect(lowering).rejects.toThrow("enough");
  letGo.resolve();
  await carriedOut.promise;
  await new Promise(setImmediate);
  expect([await next(), await next(), await next()]).toEqual(["a@2", "b@4", "null"]);
});

test("W10: a watcher survives a storage that is away, without a gap and without doubles, and says so once", async () => {
  const { line, kv, events } = await open();
  const away = (): Promise<never> => Promise.reject(new KeyValueError("UNAVAILABLE", "the line is cut"));
  const seen: string[] = [];
  const watcher = await kv.watch("k");
  const end = watcher.forEach((entry) => void seen.push(shown(entry)));
  await kv.put("k", "1");
  await expect.poll(() => seen).toEqual(["null", "k@1"]);
  line.before = (request) => (request.method === "readLog" ? away() : Promise.resolve());
  for (const value of ["2", "3", "4"]) await kv.put("k", value);
  await expect.poll(() => line.count("readLog")).toBeGreaterThan(4);
  line.before = async () => undefined;
  await expect.poll(() => seen).toEqual(["null", "k@1", "k@2", "k@3", "k@4"]);
  expect(events.map((event) => [event.type, event.bucket, event.error?.code])).toEqual([
    ["reconnecting", "b", "UNAVAILABLE"],
    ["reconnected", "b", undefined],
  ]);
  await watcher.stop();
  await end;
});

test("W10: a page that never comes is asked for again", async () => {
  const { line, kv } = await open(50);
  await kv.put("k", "1");
  const watcher = await kv.watch("k");
  line.before = (request) => (request.method === "readLog" ? new Promise(() => undefined) : Promise.resolve());
  const next = watcher[Symbol.asyncIterator]().next();
  await expect.poll(() => line.count("readLog")).toBeGreaterThan(1);
  line.before = async () => undefined;
  expect(shown((await next).value ?? null)).toBe("k@1");
  await watcher.stop();
});

test("W9: a watcher that waits for its storage ends at once when it is stopped or aborted", async () => {
  const { line, kv } = await open();
  await kv.put("k", "1");
  line.before = (request) => (request.method === "readLog" ? new Promise(() => undefined) : Promise.resolve());
  const stopped = await kv.watch("k");
  const end = stopped[Symbol.asyncIterator]().next();
  await stopped.stop();
  expect(await end).toEqual({ done: true, value: undefined });
  const controller = new AbortController();
  const reason = new Error("enough");
  const aborted = await kv.watch("k", { signal: controller.signal });
  const next = aborted[Symbol.asyncIterator]().next();
  controller.abort(reason);
  await expect(next).rejects.toBe(reason);
});

test("W11: a wake-up that was lost is made up for by the poll", async () => {
  const storage = mapStorage();
  const line = new RemoteStorage({ ...storage, traits: { ...storage.traits, pollInterval: 20 } });
  const { kv } = await open(5000, line);
  const other = new StorageManager(storage);
  onTestFinished(() => other.close());
  line.replaceAnswer = (request, answer) => {
    if (request.method === "subscribe") (answer as () => void)();
    return answer;
  };
  const watcher = await kv.watch("k");
  const iterator = watcher[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toBe(null);
  const next = iterator.next();
  await (await other.keyValue("b")).put("k", "1");
  expect(shown((await next).value ?? null)).toBe("k@1");
  await watcher.stop();
});

test("W7: what was read before a change is read again, so that a purged value is not delivered", async () => {
  const { kv } = await open();
  for (const key of ["a", "b", "c"]) await kv.put(key, "secret");
  const watcher = await kv.watch(">");
  const iterator = watcher[Symbol.asyncIterator]();
  expect(shown((await iterator.next()).value ?? null)).toBe("a@1");
  await kv.purge("b");
  const rest = [];
  while (rest.length < 3) rest.push(shown((await iterator.next()).value ?? null));
  expect(rest).toEqual(["c@3", "null", "b@4"]);
  await watcher.stop();
});

test("W8: a consumer that is slower than the changes asks for ever smaller pages, and holds one at most", async () => {
  const { line, kv } = await open();
  const watcher = await kv.watch(">", { updatesOnly: true });
  const iterator = watcher[Symbol.asyncIterator]();
  await iterator.next();
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => kv.put(`k${index}`, "v")));
    await iterator.next();
  }
  const limits = line.requests
    .filter(({ method }) => method === "readLog")
    .map(({ args }) => (args[0] as LogQuery).limit);
  expect(limits.at(-1)).toBe(1);
  await watcher.stop();
});

test("W9: stopping the last watcher ends the subscription", async () => {
  const storage = mapStorage();
  let subscribed = 0;
  const openBucket = storage.createBucket.bind(storage);
  const counting = {
    ...storage,
    createBucket: (...args: Parameters<typeof openBucket>) => {
      const found = openBucket(...args);
      if (found instanceof Promise) throw new Error("the map answers at once");
      const { bucket } = found;
      const { subscribe } = bucket;
      bucket.subscribe = (wake, call) => {
        subscribed += 1;
        const end = subscribe(wake, call);
        if (end instanceof Promise) throw new Error("the map answers at once");
        return () => {
          subscribed -= 1;
          end();
        };
      };
      return found;
    },
  };
  const { kv } = await open(5000, new RemoteStorage(counting));
  const [one, two] = [await kv.watch("a"), await kv.watch("b")];
  expect(subscribed).toBe(1);
  await one.stop();
  await one.stop();
  expect(subscribed).toBe(1);
  await two.stop();
  await expect.poll(() => subscribed).toBe(0);
  await (await kv.watch("c")).stop();
  await expect.poll(() => subscribed).toBe(0);
});

test("W14: a storage whose head went back ends the watch with HISTORY_LOST", async () => {
  const line = new RemoteStorage();
  const { kv } = await open(5000, line);
  await kv.put("k", "1");
  await kv.put("k", "2");
  const watcher = await kv.watch("k", { updatesOnly: true });
  const iterator = watcher[Symbol.asyncIterator]();
  await iterator.next();
  const next = iterator.next();
  // A backup is restored behind the line: the same bucket, as it was before the last write.
  line.replaceAnswer = (request, answer) =>
    request.method === "readLog" ? { ...(answer as LogPage), rows: [], head: { revision: 1, compactedTo: 0 } } : answer;
  await kv.put("k", "3");
  await expect(next).rejects.toMatchObject({ code: "HISTORY_LOST" });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test("E1: a driver's error is only ever a cause", async () => {
  const { line, kv } = await open();
  const raw = new TypeError("driver");
  line.before = () => Promise.reject(raw);
  await expect(kv.get("a")).rejects.toMatchObject({ name: "KeyValueError", code: "INTERNAL", cause: raw });
  await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "INTERNAL", cause: raw });
  await expect(kv.watch("a")).rejects.toMatchObject({ code: "INTERNAL", cause: raw });
  await expect(kv.keys()).rejects.toMatchObject({ code: "INTERNAL", cause: raw });
});

test("T2: due expiries that cannot be carried out are reported once, and tried again", async () => {
  const { line, kv, events } = await open();
  await kv.put("a", "1");
  line.before = (request) => (request.method === "sweep" ? Promise.reject(new Error("no")) : Promise.resolve());
  await expect.poll(() => line.count("sweep")).toBeGreaterThan(2);
  line.before = async () => undefined;
  expect(events.map((event) => event.type)).toEqual(["sweep-failed"]);
});

/** Lets nothing wake the watchers but what the kit knows by itself. */
function withholdWakeUps(line: RemoteStorage): void {
  line.before = async (request) => {
    if (request.method === "subscribe") (request.args as unknown[])[0] = () => undefined;
  };
}

test("W7: what a purge removed while a page was on its way is not delivered", async () => {
  const { line, kv } = await open();
  await kv.put("a", "secret");
  await kv.put("b", "1");
  const watcher = await kv.watch(">");
  const arrived = gate();
  line.after = (request) => (request.method === "readLog" ? arrived.promise : Promise.resolve());
  const iterator = watcher[Symbol.asyncIterator]();
  const first = iterator.next();
  await expect.poll(() => line.count("readLog")).toBe(1);
  await kv.purge("a");
  line.after = async () => undefined;
  arrived.open();
  expect(shown((await first).value ?? null)).toBe("b@2");
  await watcher.stop();
});

test("W7: what purgeDeletes or a lower history removed while a page was on its way is read again", async () => {
  for (const remove of [
    (kv: KeyValue) => kv.purgeDeletes({ olderThan: 0 }),
    async (_: KeyValue, manager: KeyValueManager) => manager.updateKeyValue({ bucket: "b", history: 1 }),
  ]) {
    const { line, manager, kv } = await open();
    await kv.put("a", "old");
    await kv.put("a", "new");
    const watcher = await kv.watch(">", { includeHistory: true });
    const arrived = gate();
    line.after = (request) => (request.method === "readLog" ? arrived.promise : Promise.resolve());
    const first = watcher[Symbol.asyncIterator]().next();
    await expect.poll(() => line.count("readLog")).toBe(1);
    await remove(kv, manager);
    line.after = async () => undefined;
    arrived.open();
    await first;
    expect(line.count("readLog")).toBe(2);
    await watcher.stop();
  }
});

test("W7: a transaction that ends with a check wakes our own watchers like any other", async () => {
  const line = new RemoteStorage();
  const { kv } = await open(5000, line);
  withholdWakeUps(line);
  const watcher = await kv.watch(">");
  const iterator = watcher[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toBe(null);
  const next = iterator.next();
  await kv.transaction([
    { op: "put", key: "a", value: "1" },
    { op: "check", key: "b", lastRevision: null },
  ]);
  expect(shown((await next).value ?? null)).toBe("a@1");
  await watcher.stop();
});

test("W13: a watcher that asked for history notices a marker that went while it read", async () => {
  const { kv } = await open();
  await kv.put("a", "1");
  await kv.put("b", "1");
  await kv.delete("a");
  const watcher = await kv.watch(">", { includeHistory: true });
  const iterator = watcher[Symbol.asyncIterator]();
  expect(shown((await iterator.next()).value ?? null)).toBe("a@1");
  await kv.purgeDeletes({ olderThan: 0 });
  await expect(iterator.next()).rejects.toMatchObject({ code: "REVISION_COMPACTED", compactedTo: 3 });
});

test("W9: an attempt to subscribe that fails late takes nobody else's subscription away", async () => {
  const { line, kv } = await open();
  const held = gate();
  line.before = (request) => (request.method === "subscribe" ? held.promise : Promise.resolve());
  const controller = new AbortController();
  const first = kv.watch(">", { signal: controller.signal });
  await expect.poll(() => line.count("subscribe")).toBe(1);
  controller.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  line.before = async () => undefined;
  const second = await kv.watch(">");
  held.fail(new KeyValueError("UNAVAILABLE", "the line was cut"));
  await expect.poll(() => line.count("subscribe")).toBe(2);
  const third = await kv.watch(">");
  expect(line.count("subscribe")).toBe(2);
  await Promise.all([second.stop(), third.stop()]);
});

test("T1: what expires on a page that was read is not delivered, though the storage's clock is far away", async () => {
  const { line, manager } = await open();
  const kv = await manager.createKeyValue({ bucket: "ttl", history: 5, limitMarkerTtl: 1000 });
  withholdWakeUps(line);
  line.replaceAnswer = (request, answer) =>
    request.method === "readLog" ? { ...(answer as LogPage), now: Date.now() } : answer;
  await kv.put("a", "1");
  await kv.put("b", "1", { ttl: 30 });
  const watcher = await kv.watch(">");
  const iterator = watcher[Symbol.asyncIterator]();
  expect(shown((await iterator.next()).value ?? null)).toBe("a@1");
  await expect.poll(async () => (await kv.get("b")) === null).toBe(true);
  expect((await iterator.next()).value).toBe(null);
  await watcher.stop();
});

test("T2: a write that comes while a sweep is under way is looked after by the next", async () => {
  const { line, manager } = await open();
  const kv = await manager.createKeyValue({ bucket: "ttl", limitMarkerTtl: 1000 });
  const held = gate();
  line.after = (request) => (request.method === "sweep" ? held.promise : Promise.resolve());
  line.replaceAnswer = (request, answer) => (request.method === "sweep" ? { next: undefined } : answer);
  await kv.put("a", "1");
  await expect.poll(() => line.count("sweep")).toBeGreaterThan(0);
  await kv.put("b", "1", { ttl: 1 });
  const swept = line.count("sweep");
  held.open();
  await expect.poll(() => line.count("sweep")).toBeGreaterThan(swept);
});

interface Gate {
  readonly promise: Promise<void>;
  open(): void;
  fail(error: Error): void;
}

function gate(): Gate {
  let open: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}
