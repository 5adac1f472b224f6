import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { brief, collect, eventually, read, rejects, rejectsWith, within } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const mustNotBeCalled = (): void => assert.fail("called back");

/** The two ways to iterate a watcher, once: W9. */
export const watchIterationScenarios: readonly Scenario[] = [
  scenario("W9/second-iterator", "a second iterator is refused, and the first goes on", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.put("b", "1");
      const watcher = await kv.watch(">");
      const first = read(watcher);
      assert.equal(brief(await first.next()), "1 PUT a=1");
      const second = watcher[Symbol.asyncIterator]();
      await rejects("INVALID_ARGUMENT", second.next());
      await rejects("INVALID_ARGUMENT", collect(watcher));
      assert.equal(brief(await first.next()), "2 PUT b=1");
      assert.equal(await first.next(), null);
      await kv.put("c", "1");
      assert.equal(brief(await first.next()), "3 PUT c=1");
      await watcher.stop();
    },
  }),

  scenario("W9/for-each-beside-iteration", "forEach besides an iteration is refused, and so is the reverse", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const iterated = await kv.watch(">");
      const reader = read(iterated);
      assert.equal(brief(await reader.next()), "1 PUT a=1");
      await rejects("INVALID_ARGUMENT", iterated.forEach(mustNotBeCalled));
      assert.equal(await reader.next(), null);
      await iterated.stop();

      const called = await kv.watch(">");
      const seen: string[] = [];
      const reading = called.forEach((item) => {
        seen.push(brief(item));
      });
      await rejects("INVALID_ARGUMENT", collect(called));
      await rejects("INVALID_ARGUMENT", called.forEach(mustNotBeCalled));
      await eventually("the initial set", () => seen.length === 2);
      await kv.put("b", "2");
      await eventually("the live entry", () => seen.length === 3);
      await called.stop();
      await within("forEach to end", reading);
      assert.deepEqual(seen, ["1 PUT a=1", "null", "2 PUT b=2"]);
    },
  }),

  scenario("W9/for-each-awaits", "forEach waits for what the callback returns before it calls again", {
    async run(env) {
      const kv = await env.bucket({ history: 20 });
      for (const value of range(1, 10)) await kv.put("a", `${value}`);
      const watcher = await kv.watch(">", { includeHistory: true });
      let running = 0;
      const seen: string[] = [];
      await within(
        "forEach to end",
        watcher.forEach(async (item) => {
          running += 1;
          assert.equal(running, 1, "one call at a time");
          await kv.get("a");
          running -= 1;
          seen.push(brief(item));
          if (item === null) await watcher.stop();
        }),
      );
      assert.deepEqual(seen, [...range(1, 10).map((value) => `${value} PUT a=${value}`), "null"]);
    },
  }),

  ...(["throws", "rejects"] as const).map((how) =>
    scenario(`W9/callback-${how}`, `a callback that ${how} stops the watcher and rejects forEach`, {
      async run(env) {
        const kv = await env.bucket();
        const { signal } = new AbortController();
        await kv.put("a", "1");
        await kv.put("b", "1");
        const watcher = await kv.watch(">", { signal });
        const oops = { thrown: "by the callback" };
        let calls = 0;
        const fail = (): Promise<void> => {
          calls += 1;
          if (how === "rejects") return Promise.reject(oops);
          throw oops;
        };
        await rejectsWith(oops, watcher.forEach(fail));
        assert.equal(getEventListeners(signal, "abort").length, 0, "the watcher was stopped");
        // Another watcher that gets the put shows that this one would have got it, too.
        const other = read(await kv.watch(">", { updatesOnly: true }));
        assert.equal(await other.next(), null);
        await kv.put("c", "1");
        assert.equal(brief(await other.next()), "3 PUT c=1");
        assert.equal(calls, 1);
        await other.watcher.stop();
        await watcher.stop();
      },
    }),
  ),
];
