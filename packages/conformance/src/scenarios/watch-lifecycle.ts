import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { KeyValue, KeyValueEntry, KeyWatcher } from "@revkv/api";
import { brief, collect, eventually, read, rejects, rejectsWith, within } from "../expect.ts";
import { inParallel, range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** A watcher whose consumer has read everything and waits for the next entry. */
async function waiting(
  kv: KeyValue,
  options?: { readonly signal: AbortSignal },
): Promise<{ watcher: KeyWatcher; next: Promise<IteratorResult<KeyValueEntry | null>> }> {
  const watcher = await kv.watch(">", { updatesOnly: true, ...options });
  const items = watcher[Symbol.asyncIterator]();
  const first = await within("null", items.next());
  assert.equal(first.value, null);
  return { watcher, next: items.next() };
}

/** A callback that takes whatever comes. */
const ignore = (): void => {};

const stopping: readonly Scenario[] = [
  scenario("W9/stop-twice", "stop ends the iteration normally and can be called again and again", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const reader = read(await kv.watch(">"));
      await reader.throughNull();
      await within("stop", reader.watcher.stop());
      await within("stop again", Promise.all([reader.watcher.stop(), reader.watcher.stop()]));
      assert.deepEqual(await reader.ended(), []);
      assert.deepEqual(await reader.ended(), [], "it stays at its end");
      await reader.watcher.stop();
    },
  }),

  scenario("W9/stop-while-waiting", "stop ends a next() that waits", {
    async run(env) {
      const kv = await env.bucket();
      const { watcher, next } = await waiting(kv);
      await watcher.stop();
      assert.equal((await within("the waiting next() to end", next)).done, true);
    },
  }),

  scenario("W9/stop-several-waiting", "stop ends several calls of next() that were not awaited", {
    async run(env) {
      const kv = await env.bucket();
      const watcher = await kv.watch(">");
      const items = watcher[Symbol.asyncIterator]();
      const results = Promise.all([items.next(), items.next(), items.next()]);
      await kv.put("a", "1");
      await eventually("the put to be visible", async () => (await kv.get("a")) !== null);
      await watcher.stop();
      const [first, ...rest] = await within("all calls of next() to end", results);
      assert.ok(first.done === true || first.value === null);
      assert.equal(rest.at(-1)?.done, true);
    },
  }),

  scenario("W9/calls-in-order", "calls of next() that were not awaited are answered in their order", {
    async run(env) {
      const kv = await env.bucket();
      for (const value of ["1", "2", "3"]) await kv.put(value, value);
      const watcher = await kv.watch(">");
      const items = watcher[Symbol.asyncIterator]();
      const results = Promise.all(range(1, 5).map(() => items.next()));
      await kv.put("4", "4");
      const values = (await within("five items", results)).map((result) => brief(result.value));
      assert.deepEqual(values, ["1 PUT 1=1", "2 PUT 2=2", "3 PUT 3=3", "null", "4 PUT 4=4"]);
      await watcher.stop();
    },
  }),

  scenario("W9/stop-before-reading", "a watcher stopped before it was iterated gives nothing", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const watcher = await kv.watch(">");
      await watcher.stop();
      assert.deepEqual(await collect(watcher), []);
    },
  }),

  scenario("W9/stop-in-initial-set", "a watcher stopped in its initial set gives nothing more", {
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["a", "b", "c"]) await kv.put(key, "1");
      const reader = read(await kv.watch(">"));
      assert.equal(brief(await reader.next()), "1 PUT a=1");
      await reader.watcher.stop();
      assert.deepEqual(await reader.ended(), []);
    },
  }),

  scenario("W9/break", "breaking out of for await stops the watcher", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const controller = new AbortController();
      const watcher = await kv.watch(">", { signal: controller.signal });
      const seen: string[] = [];
      for await (const item of watcher) {
        seen.push(brief(item));
        if (item === null) break;
      }
      assert.deepEqual(seen, ["1 PUT a=1", "null"]);
      assert.equal(getEventListeners(controller.signal, "abort").length, 0, "its listener is gone");
      await watcher.stop();
    },
  }),

  scenario("W9/throw-in-loop", "an error thrown in for await stops the watcher and passes through", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const controller = new AbortController();
      const watcher = await kv.watch(">", { signal: controller.signal });
      const oops = new Error("oops");
      const loop = async (): Promise<void> => {
        for await (const item of watcher) throw item === null ? new Error("null first") : oops;
      };
      await rejectsWith(oops, loop());
      assert.equal(getEventListeners(controller.signal, "abort").length, 0, "its listener is gone");
    },
  }),

  scenario("W9/dispose", "a watcher can be disposed of like any resource", {
    async run(env) {
      const kv = await env.bucket();
      const { watcher, next } = await waiting(kv);
      await watcher[Symbol.asyncDispose]();
      assert.equal((await within("the waiting next() to end", next)).done, true);
      await watcher[Symbol.asyncDispose]();
    },
  }),

  scenario("W9/others-go-on", "stopping one watcher leaves the others of the bucket alone", {
    async run(env) {
      const kv = await env.bucket();
      const first = await waiting(kv);
      const second = await waiting(kv);
      await first.watcher.stop();
      assert.equal((await first.next).done, true);
      await kv.put("a", "1");
      assert.equal(brief((await within("the entry", second.next)).value), "1 PUT a=1");
      await second.watcher.stop();
      const third = await waiting(kv);
      await kv.put("b", "2");
      assert.equal(brief((await within("the entry", third.next)).value), "2 PUT b=2");
      await third.watcher.stop();
    },
  }),

  scenario("W9/close", "closing the manager ends its watchers normally, whatever they are doing", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const manager = await env.open();
      const handle = await manager.keyValue(kv.bucket);
      const idle = await waiting(handle);
      const unread = await handle.watch(">");
      const started = read(await handle.watch(">"));
      assert.equal(brief(await started.next()), "1 PUT a=1");
      const each = (await handle.watch(">")).forEach(ignore);
      await within("close", manager.close());
      assert.equal((await within("the waiting next() to end", idle.next)).done, true);
      assert.deepEqual(await collect(unread), []);
      assert.deepEqual(await started.ended(), []);
      await within("forEach to end", each);
      await unread.stop();
      await rejects("CLOSED", handle.watch(">"));
    },
  }),

  scenario("W9/listeners", "watchers that ended have left no listener on their signal, however they ended", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const { signal } = new AbortController();
      const listeners = (): number => getEventListeners(signal, "abort").length;
      const watchers = await inParallel(50, 10, () => kv.watch(">", { signal }));
      for (const [index, watcher] of watchers.entries()) {
        if (index % 3 === 0) await watcher.stop();
        else if (index % 3 === 1) for await (const _ of watcher) break;
        else
          await rejectsWith(
            signal,
            watcher.forEach(async () => await Promise.reject(signal)),
          );
      }
      assert.equal(listeners(), 0);
      await rejects("INVALID_KEY", kv.watch("a..b", { signal }));
      await rejects("HISTORY_LOST", kv.watch(">", { signal, resumeFromRevision: 100 }));
      assert.equal(listeners(), 0, "a watch that could not start leaves none either");
    },
  }),
];

const aborting: readonly Scenario[] = [
  scenario("W9/abort-before", "with a signal that is aborted already the call rejects with its reason, untouched", {
    async run(env) {
      const kv = await env.bucket();
      const reason = { my: "reason" };
      await rejectsWith(reason, kv.watch(">", { signal: AbortSignal.abort(reason) }));
      await rejectsWith(reason, kv.watchAll({ signal: AbortSignal.abort(reason) }));
      const standard = AbortSignal.abort();
      await rejectsWith(standard.reason, kv.watch(">", { signal: standard }));
    },
  }),

  scenario(
    "W9/abort-during-call",
    "an abort while the call is under way ends the call or the watcher with the reason",
    {
      async run(env) {
        const kv = await env.bucket();
        await kv.put("a", "1");
        const controller = new AbortController();
        const reason = new Error("changed my mind");
        const iterate = async (): Promise<unknown> => await collect(await kv.watch(">", { signal: controller.signal }));
        const iterating = iterate();
        controller.abort(reason);
        await rejectsWith(reason, iterating);
        const listeners = (): number => getEventListeners(controller.signal, "abort").length;
        await eventually("the listeners on the signal to go", () => listeners() === 0);
      },
    },
  ),

  scenario("W9/abort-while-waiting", "an abort rejects a next() that waits with the signal's reason", {
    async run(env) {
      const kv = await env.bucket();
      const controller = new AbortController();
      const { watcher, next } = await waiting(kv, { signal: controller.signal });
      const reason = new Error("enough");
      controller.abort(reason);
      await rejectsWith(reason, next);
      assert.deepEqual(await collect(tail(watcher)), [], "behind the error there is nothing");
      await watcher.stop();
    },
  }),

  scenario("W9/abort-between-reads", "an abort between two reads rejects the next of them, in the initial set too", {
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["a", "b", "c"]) await kv.put(key, "1");
      const controller = new AbortController();
      const items = (await kv.watch(">", { signal: controller.signal }))[Symbol.asyncIterator]();
      assert.equal(brief((await items.next()).value), "1 PUT a=1");
      controller.abort("a string as reason");
      await rejectsWith("a string as reason", items.next());
      assert.equal((await within("the end", items.next())).done, true);
    },
  }),

  scenario("W9/abort-unread", "an abort before the first read rejects that read", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const controller = new AbortController();
      const watcher = await kv.watch(">", { signal: controller.signal });
      const reason = new Error("too late");
      controller.abort(reason);
      await rejectsWith(reason, collect(watcher));
    },
  }),

  scenario("W9/abort-for-each", "an abort rejects forEach with the signal's reason", {
    async run(env) {
      const kv = await env.bucket();
      const controller = new AbortController();
      const watcher = await kv.watch(">", { signal: controller.signal });
      const reason = new Error("enough");
      const reading = watcher.forEach((item) => {
        if (item === null) controller.abort(reason);
      });
      await rejectsWith(reason, reading);
    },
  }),

  scenario("W9/abort-after-stop", "an abort after the end changes nothing", {
    async run(env) {
      const kv = await env.bucket();
      const controller = new AbortController();
      const { watcher, next } = await waiting(kv, { signal: controller.signal });
      await watcher.stop();
      controller.abort(new Error("too late"));
      assert.equal((await within("the end", next)).done, true);
    },
  }),
];

/** What is left of a watcher that has been iterated: nothing, whatever asking again does. */
async function* tail(watcher: KeyWatcher): AsyncGenerator<KeyValueEntry | null> {
  try {
    for await (const item of watcher) yield item;
  } catch (error) {
    await rejects("INVALID_ARGUMENT", Promise.reject(error));
  }
}

const deletedBucket: readonly Scenario[] = [
  scenario("B11/ends-watchers", "deleting a bucket ends its watchers with BUCKET_NOT_FOUND, whatever they are doing", {
    async run(env) {
      const kv = await env.bucket();
      for (const key of ["a", "b"]) await kv.put(key, "1");
      const idle = await waiting(kv);
      const unread = await kv.watch(">");
      const started = read(await kv.watch(">"));
      assert.equal(brief(await started.next()), "1 PUT a=1");
      const each = (await kv.watch(">")).forEach(ignore);
      const checks = [rejects("BUCKET_NOT_FOUND", idle.next), rejects("BUCKET_NOT_FOUND", each)];
      await env.manager.deleteKeyValue(kv.bucket);
      await Promise.all(checks);
      await read(unread).fails("BUCKET_NOT_FOUND");
      await started.fails("BUCKET_NOT_FOUND");
      assert.deepEqual(await started.ended(), [], "behind the error there is nothing");
      await rejects("BUCKET_NOT_FOUND", kv.watch(">"));
      await rejects("BUCKET_NOT_FOUND", kv.watch(">", { resumeFromRevision: 1 }));
    },
  }),

  scenario("B11/ends-watchers-of-other-managers", "watchers end, too, when another manager deletes the bucket", {
    async run(env) {
      const kv = await env.bucket();
      const other = await env.open();
      const idle = await waiting(await other.keyValue(kv.bucket));
      const check = rejects("BUCKET_NOT_FOUND", idle.next);
      await env.manager.deleteKeyValue(kv.bucket);
      await check;
    },
  }),

  scenario("B11/recreated", "a watcher does not go on in a bucket that was created again", {
    requires: (capabilities) => capabilities.bucketIncarnation,
    async run(env) {
      const bucket = env.bucketName();
      const kv = await env.manager.createKeyValue({ bucket });
      const handle = await (await env.open()).keyValue(bucket);
      const readers = [read(await kv.watch(">")), read(await handle.watch(">"))];
      await kv.put("a", "old");
      for (const reader of readers) assert.deepEqual((await reader.take(2)).map(brief), ["null", "1 PUT a=old"]);
      await env.manager.deleteKeyValue(bucket);
      const again = await env.manager.createKeyValue({ bucket });
      for (const value of ["x", "y", "z"]) await again.put("a", value);
      for (const reader of readers) {
        await reader.fails("BUCKET_NOT_FOUND");
        assert.deepEqual(await reader.ended(), []);
      }
      const fresh = read(await again.watch(">"));
      assert.deepEqual((await fresh.throughNull()).map(brief), ["3 PUT a=z"]);
      await fresh.watcher.stop();
    },
  }),
];

/** How watchers end: W9, and B11 as watchers see it. */
export const watchLifecycleScenarios: readonly Scenario[] = [...stopping, ...aborting, ...deletedBucket];
