import { setImmediate as turn } from "node:timers/promises";
import type { KeyValue, KeyValueErrorCode, KeyValueManager } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { Unit } from "@revkv/api/adapter";
import { StorageManager } from "@revkv/api/adapter";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ManagerContext } from "../src/adapter/context.ts";
import { Lane } from "../src/adapter/lane.ts";
import type { Request } from "./remote-storage.ts";
import { RemoteStorage } from "./remote-storage.ts";

async function open(timeout = 5000): Promise<{ line: RemoteStorage; manager: KeyValueManager; kv: KeyValue }> {
  const line = new RemoteStorage();
  const manager = new StorageManager(line.storage, { timeout });
  onTestFinished(() => {
    line.before = async () => undefined;
    return manager.close();
  });
  const kv = await manager.createKeyValue({ bucket: "b", history: 5 });
  line.requests.length = 0;
  return { line, manager, kv };
}

/** Holds requests of a method until it is let go; the others pass. */
function hold(line: RemoteStorage, method: string, where: "before" | "after" = "before"): () => void {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((letGo) => {
    resolve = letGo;
  });
  line[where] = (request: Request) => (request.method === method ? promise : Promise.resolve());
  return () => {
    line[where] = async () => undefined;
    resolve();
  };
}

const refused = async (code: KeyValueErrorCode, promise: Promise<unknown>): Promise<void> => {
  const error = await promise.then(
    () => "resolved",
    (reason: unknown) => reason,
  );
  expect(isKeyValueError(error) ? error.code : error).toBe(code);
};

const unitsOf = (request: Request | undefined): readonly Unit[] => request?.args[0] as readonly Unit[];

describe("the write lane", () => {
  test("writes of one turn go as one commit, each with its own result", async () => {
    const { line, kv } = await open();
    await kv.put("a", "1");
    line.requests.length = 0;
    const results = await Promise.allSettled([
      kv.put("x", "1"),
      kv.create("a", "taken"),
      kv.update("a", "2", 1),
      kv.update("a", "3", 1),
      kv.delete("x"),
    ]);
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : result.reason.code))).toEqual([
      2,
      "KEY_EXISTS",
      3,
      "REVISION_MISMATCH",
      4,
    ]);
    expect(line.count("commit")).toBe(1);
  });

  test("writes that arrive while a commit is in flight wait, and go together, in order", async () => {
    const { line, kv } = await open();
    const letGo = hold(line, "commit");
    const first = kv.put("k", "0");
    await expect.poll(() => line.count("commit")).toBe(1);
    const later = Array.from({ length: 20 }, (_, index) => kv.put("k", String(index + 1)));
    letGo();
    expect(await Promise.all([first, ...later])).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    expect(line.count("commit")).toBe(2);
    expect((await kv.history("k")).map((entry) => entry.string())).toEqual(["16", "17", "18", "19", "20"]);
  });

  test("what a commit leaves to the next one goes before all that came later, in order", async () => {
    const { line, kv } = await open();
    let later: Promise<number> | undefined;
    line.before = async ({ method, args }) => {
      if (method !== "commit") return;
      later ??= kv.put("k", "6");
      args.splice(0, 1, (args[0] as readonly Unit[]).slice(0, 2));
    };
    expect(await Promise.all([1, 2, 3, 4, 5].map((count) => kv.put("k", String(count))))).toEqual([1, 2, 3, 4, 5]);
    expect(await later).toBe(6);
    expect(line.count("commit")).toBe(3);
    expect((await kv.history("k")).map((entry) => entry.string())).toEqual(["2", "3", "4", "5", "6"]);
  });

  test("a write that was sent and not answered is OUTCOME_UNKNOWN, one that was not sent TIMEOUT, and neither is sent again", async () => {
    const { line, kv } = await open(100);
    const letGo = hold(line, "commit", "after");
    const sent = kv.put("k", "sent");
    await expect.poll(() => line.count("commit")).toBe(1);
    const unsent = kv.put("k", "unsent");
    await Promise.all([refused("OUTCOME_UNKNOWN", sent), refused("TIMEOUT", unsent)]);
    expect(line.requests[0]?.call.signal.aborted).toBe(true);
    letGo();
    await kv.put("other", "1");
    expect((await kv.history("k")).map((entry) => entry.string())).toEqual(["sent"]);
  });

  test("an aborted write that waits is never sent; one in flight rejects with the reason too", async () => {
    const { line, kv } = await open();
    const letGo = hold(line, "commit");
    const controller = new AbortController();
    const reason = new Error("enough");
    const inFlight = kv.put("a", "1", { signal: controller.signal });
    await expect.poll(() => line.count("commit")).toBe(1);
    const waiting = kv.put("b", "1", { signal: controller.signal });
    const other = kv.put("c", "1");
    controller.abort(reason);
    await expect(inFlight).rejects.toBe(reason);
    await expect(waiting).rejects.toBe(reason);
    letGo();
    await other;
    expect(
      line.requests
        .filter((request) => request.method === "commit")
        .flatMap((request) =>
          unitsOf(request)
            .flat()
            .map((write) => write.key),
        ),
    ).toEqual(["a", "c"]);
  });

  test.each(["aborted", "late"])("watchers are given what is written by a call that is %s", async (how) => {
    const { line, kv } = await open(how === "late" ? 100 : undefined);
    // A storage need not announce what the manager itself has changed.
    line.before = async ({ method, args }) => {
      if (method === "subscribe") args[0] = () => undefined;
    };
    const watcher = await kv.watch(">");
    const entries = watcher[Symbol.asyncIterator]();
    expect((await entries.next()).value).toBe(null);
    const next = entries.next();
    const letGo = hold(line, "commit");
    const controller = new AbortController();
    const write = kv.put("a", "1", { signal: controller.signal });
    await expect.poll(() => line.count("commit")).toBe(1);
    if (how === "aborted") controller.abort(new Error("enough"));
    await expect(write).rejects.toThrow(how === "aborted" ? "enough" : "not answered");
    letGo();
    expect((await next).value).toMatchObject({ key: "a", revision: 1 });
  });

  test("a batch is bounded in operations and in bytes", async () => {
    const { line, kv } = await open();
    const { batchOperations, batchBytes } = line.storage.traits;
    await Promise.all(Array.from({ length: batchOperations + 1 }, (_, index) => kv.put(`k${index}`, "")));
    expect(line.requests.map((request) => unitsOf(request).length)).toEqual([batchOperations, 1]);
    line.requests.length = 0;
    const large = new Uint8Array(batchBytes);
    await Promise.all([kv.put("a", large), kv.put("b", large)]);
    expect(line.count("commit")).toBe(2);
  });
});

describe("the read lane", () => {
  test("gets of one turn are one read", async () => {
    const { line, kv } = await open();
    await kv.put("a", "1");
    line.requests.length = 0;
    const entries = await Promise.all([kv.get("a"), kv.get("b"), kv.getMany(["a", "c"]), kv.get("a")]);
    expect(line.count("read")).toBe(1);
    expect(entries.flat().map((entry) => entry?.string() ?? null)).toEqual(["1", null, "1", null, "1"]);
  });

  test("a get never joins a read that began before an earlier write was resolved", async () => {
    const { line, kv } = await open();
    await kv.put("a", "old");
    const letGo = hold(line, "read", "after");
    const early = kv.get("a");
    await expect.poll(() => line.count("read")).toBe(1);
    await kv.put("a", "new");
    const late = kv.get("a");
    letGo();
    expect((await early)?.string()).toBe("old");
    expect((await late)?.string()).toBe("new");
  });

  test("a read that is not answered is TIMEOUT, and an aborted one rejects with the reason", async () => {
    const { line, kv } = await open(100);
    hold(line, "read");
    await refused("TIMEOUT", kv.get("a"));
    const reason = new Error("enough");
    await expect(kv.get("a", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("a deadline", () => {
  test("a late read is TIMEOUT, whatever the driver makes of the abort", async () => {
    const { line, kv } = await open(50);
    line.before = ({ call }) =>
      new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(new Error("driver: aborted"))));
    await refused("TIMEOUT", kv.get("a"));
    await refused("OUTCOME_UNKNOWN", kv.put("a", "1"));
  });

  test("a storage that knows that it had not begun may say so", async () => {
    const { line, kv } = await open(50);
    line.before = ({ call }) =>
      new Promise((_, reject) =>
        call.signal.addEventListener("abort", () => reject(new KeyValueError("TIMEOUT", "it was locked"))),
      );
    await refused("TIMEOUT", kv.put("a", "1"));
  });
});

test("M10: what is left of a batch that was answered in part at the deadline is sent again, and told its own result", async () => {
  const context = new ManagerContext(new RemoteStorage().storage, 100, undefined);
  const sent: string[][] = [];
  const lane = new Lane<string, string>(context, {
    inFlight: 1,
    maxCount: 100,
    maxBytes: 100,
    count: () => 1,
    bytes: () => 1,
    writes: true,
    send: (items, call) => {
      sent.push([...items]);
      if (sent.length === 1) return new Promise((resolve) => call.onGivenUp?.(() => resolve([`${items[0]}!`])));
      return turn()
        .then(() => turn())
        .then(() => items.map((item) => `${item}!`));
    },
  });
  const results = Promise.all(["a", "b"].map((item) => lane.submit(item, undefined, (_, answer) => answer)));
  expect(await results).toEqual(["a!", "b!"]);
  expect(sent).toEqual([["a", "b"], ["b"]]);
});

test("E3: each part of a long call has a deadline of its own", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const { line, kv } = await open(5000);
  for (const method of ["describe", "head"]) {
    const letGo = hold(line, method);
    const calling = method === "head" ? kv.watch(">") : kv.status();
    await vi.waitUntil(() => line.count(method) === 1);
    for (let part = 0; part < 5; part += 1) {
      vi.advanceTimersByTime(4000);
      line.requests.find((request) => request.method === method)?.call.progressed?.();
      await turn();
    }
    letGo();
    const answer = await calling;
    if ("stop" in answer) await answer.stop();
  }
  hold(line, "describe");
  const calling = kv.status();
  await vi.waitUntil(() => line.count("describe") === 2);
  vi.advanceTimersByTime(4000);
  line.requests.findLast(({ method }) => method === "describe")?.call.progressed?.();
  vi.advanceTimersByTime(5000);
  await refused("TIMEOUT", calling);
});

describe("closing", () => {
  test("writes in flight finish, and everything after is CLOSED", async () => {
    const { line, manager, kv } = await open();
    const letGo = hold(line, "commit");
    const write = kv.put("a", "1");
    await expect.poll(() => line.count("commit")).toBe(1);
    const closed = manager.close();
    await refused("CLOSED", kv.put("b", "1"));
    expect(line.count("close")).toBe(0);
    letGo();
    expect(await write).toBe(1);
    await closed;
    await manager.close();
    expect(line.count("close")).toBe(1);
    await refused("CLOSED", kv.get("a"));
    await refused("CLOSED", manager.keyValue("b"));
  });

  test("a write that is never answered does not keep the manager open for ever", async () => {
    const { line, manager, kv } = await open(100);
    hold(line, "commit");
    const write = kv.put("a", "1");
    await Promise.all([refused("OUTCOME_UNKNOWN", write), manager.close()]);
    expect(line.count("close")).toBe(1);
  });
});
