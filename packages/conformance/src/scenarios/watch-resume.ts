import assert from "node:assert/strict";
import type { KeyValueEntry } from "@revkv/api";
import { brief, read, rejects, take, throughNull } from "../expect.ts";
import { inParallel, range } from "../load.ts";
import { revisions } from "../recorder.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const resuming: readonly Scenario[] = [
  scenario("W5/inclusive", "resumeFromRevision gives every kept entry from that revision on, then null, then live", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      await kv.put("b", "1");
      await kv.delete("a");
      const reader = read(await kv.watch(">", { resumeFromRevision: 2 }));
      assert.deepEqual((await reader.throughNull()).map(brief), ["2 PUT a=2", "3 PUT a=3", "4 PUT b=1", "5 DEL a"]);
      await kv.put("a", "4");
      assert.equal(brief(await reader.next()), "6 PUT a=4");
      await reader.watcher.stop();
    },
  }),

  scenario("W5/from-first", "resuming from revision 1 gives all that is kept", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      await kv.put("b", "1");
      assert.deepEqual((await throughNull(await kv.watch(">", { resumeFromRevision: 1 }))).map(brief), [
        "2 PUT a=2",
        "3 PUT a=3",
        "4 PUT b=1",
      ]);
    },
  }),

  scenario(
    "W5/between-entries-of-a-key",
    "what a filter selects behind the revision is there, wherever else its keys have entries",
    {
      async run(env) {
        // A store that counts by key may count what lies before the revision, or miss what lies behind it.
        for (const others of [0, 1, 2, 3]) {
          for (const ends of [["a.b"], ["a.b", "a"], ["a.c", "a.b"]]) {
            const kv = await env.bucket({ history: 5 });
            const keys = ["a.c", "a.b", ...range(1, others).map(() => "b"), ...ends];
            for (const key of keys) await kv.put(key, "x");
            for (const from of range(1, keys.length)) {
              const initial = await throughNull(await kv.watch("a.*", { resumeFromRevision: from }));
              const expected = keys.flatMap((key, index) =>
                index + 1 >= from && key !== "b" && key !== "a" ? [index + 1] : [],
              );
              assert.deepEqual(revisions(initial), expected, `${keys.join(" ")} from ${from}`);
            }
          }
        }
      },
    },
  ),

  scenario("W5/last", "resuming from the newest revision gives that entry again", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.put("b", "2");
      assert.deepEqual((await throughNull(await kv.watch(">", { resumeFromRevision: 2 }))).map(brief), ["2 PUT b=2"]);
    },
  }),

  scenario("W5/next", "resuming from the revision behind the newest starts with the next write", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const watcher = await kv.watch(">", { resumeFromRevision: 2 });
      await kv.put("a", "2");
      assert.deepEqual((await take(watcher, 2)).map(brief), ["null", "2 PUT a=2"]);
    },
  }),

  scenario("W5/ahead", "resuming from beyond the next revision is HISTORY_LOST", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.delete("a");
      for (const ahead of [4, 5, 1_000_000]) {
        await rejects("HISTORY_LOST", kv.watch(">", { resumeFromRevision: ahead }));
      }
      assert.deepEqual(await throughNull(await kv.watch(">", { resumeFromRevision: 3 })), []);
    },
  }),

  scenario("W5/empty-bucket", "on an empty bucket only revision 1 can be resumed from", {
    async run(env) {
      const kv = await env.bucket();
      await rejects("HISTORY_LOST", kv.watch(">", { resumeFromRevision: 2 }));
      const watcher = await kv.watch(">", { resumeFromRevision: 1 });
      await kv.put("a", "1");
      assert.deepEqual((await take(watcher, 2)).map(brief), ["null", "1 PUT a=1"]);
    },
  }),

  scenario("W5/whole-bucket", "the revisions that count are the bucket's, whatever the filter matches", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      for (const value of ["1", "2", "3"]) await kv.put("other", value);
      assert.deepEqual(await throughNull(await kv.watch("a", { resumeFromRevision: 5 })), []);
      assert.deepEqual(await throughNull(await kv.watch("a", { resumeFromRevision: 2 })), []);
      await rejects("HISTORY_LOST", kv.watch("a", { resumeFromRevision: 6 }));
    },
  }),

  scenario("W5/trimmed", "entries that history or a purge removed are passed over in silence", {
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      for (const value of ["1", "2", "3", "4"]) await kv.put("a", value);
      await kv.put("b", "1");
      await kv.put("b", "2");
      await kv.purge("b");
      assert.deepEqual((await throughNull(await kv.watch(">", { resumeFromRevision: 2 }))).map(brief), [
        "3 PUT a=3",
        "4 PUT a=4",
        "7 PURGE b",
      ]);
    },
  }),

  scenario("W5/line-before-resolve", "what is written after the call resolved comes after null", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.put("a", "2");
      const watcher = await kv.watch(">", { resumeFromRevision: 1 });
      await kv.put("a", "3");
      assert.deepEqual((await take(watcher, 4)).map(brief), ["1 PUT a=1", "2 PUT a=2", "null", "3 PUT a=3"]);
    },
  }),

  scenario("W5/with-include-history", "resumeFromRevision with includeHistory or updatesOnly is refused", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await rejects("INVALID_ARGUMENT", kv.watch(">", { resumeFromRevision: 1, includeHistory: true }));
      await rejects("INVALID_ARGUMENT", kv.watch(">", { resumeFromRevision: 1, updatesOnly: true }));
    },
  }),

  scenario("W5/no-revision", "what is no positive integer is no revision to resume from", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      for (const revision of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await rejects("INVALID_ARGUMENT", kv.watch(">", { resumeFromRevision: revision }));
      }
    },
  }),

  scenario("W5/incarnation", "resumeIncarnation lets a watcher resume on its own bucket only", {
    requires: (capabilities) => capabilities.bucketIncarnation,
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const { incarnation } = await kv.status();
      const own = { resumeFromRevision: 1, resumeIncarnation: incarnation };
      assert.deepEqual((await throughNull(await kv.watch(">", own))).map(brief), ["1 PUT a=1"]);
      const foreign = { resumeFromRevision: 1, resumeIncarnation: `${incarnation}x` };
      await rejects("HISTORY_LOST", kv.watch(">", foreign));
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await rejects("UNSUPPORTED", kv.watch(">", { resumeFromRevision: 1, resumeIncarnation: "any" }));
    },
  }),

  scenario("W5/recreated", "a bucket that was created again is not the one that a watcher can resume on", {
    requires: (capabilities) => capabilities.bucketIncarnation,
    async run(env) {
      const bucket = env.bucketName();
      const before = await env.manager.createKeyValue({ bucket });
      await before.put("a", "1");
      const { incarnation } = await before.status();
      await env.manager.deleteKeyValue(bucket);
      const kv = await env.manager.createKeyValue({ bucket });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      const resume = { resumeFromRevision: 2, resumeIncarnation: incarnation };
      await rejects("HISTORY_LOST", kv.watch(">", resume));
      const { incarnation: current } = await kv.status();
      assert.notEqual(current, incarnation);
      assert.deepEqual((await throughNull(await kv.watch(">", { ...resume, resumeIncarnation: current }))).map(brief), [
        "3 PUT a=3",
      ]);
    },
  }),

  scenario("W5/no-gap-no-double", "a consumer that stops and resumes behind its last entry misses nothing", {
    async run(env) {
      const kv = await env.bucket({ history: 64 });
      const total = 600;
      const writing = inParallel(total, 8, (index) => kv.put(`key.${index % 12}`, `${index}`));
      const seen: KeyValueEntry[] = [];
      // Every turn reads a few entries and gives up, wherever it happens to be.
      for (let turn = 1; seen.length < total; turn += 1) {
        const watcher = await kv.watch(">", { resumeFromRevision: (seen.at(-1)?.revision ?? 0) + 1 });
        const reader = read(watcher);
        for (let left = 1 + (turn % 37); left > 0 && seen.length < total; ) {
          const item = await reader.next();
          if (item === null) continue;
          seen.push(item);
          left -= 1;
        }
        await watcher.stop();
      }
      await writing;
      assert.deepEqual(revisions(seen), range(1, total));
      assert.deepEqual(seen.map(brief), (await kv.history(">")).map(brief));
    },
  }),
];

const loss: readonly Scenario[] = [
  scenario("W14/another-storage", "a position that a storage never reached is not resumed on it", {
    async run(env) {
      const bucket = env.bucketName();
      const kv = await env.manager.createKeyValue({ bucket });
      for (const value of ["1", "2", "3", "4"]) await kv.put("a", value);
      const resumeFromRevision = (await kv.status()).lastRevision + 1;
      // What a restored backup looks like to a client: the same name, and less in it.
      const restored = await (await env.fresh()).open();
      const behind = await restored.createKeyValue({ bucket });
      await behind.put("a", "1");
      await rejects("HISTORY_LOST", behind.watch(">", { resumeFromRevision }));
    },
  }),

  scenario("W14/another-incarnation", "with its incarnation a position is not resumed on a storage that got further", {
    requires: (capabilities) => capabilities.bucketIncarnation,
    async run(env) {
      const bucket = env.bucketName();
      const kv = await env.manager.createKeyValue({ bucket });
      await kv.put("a", "1");
      const { lastRevision, incarnation } = await kv.status();
      const other = await (await env.fresh()).open();
      const ahead = await other.createKeyValue({ bucket });
      for (const value of ["1", "2", "3", "4"]) await ahead.put("a", value);
      const resume = { resumeFromRevision: lastRevision + 1, resumeIncarnation: incarnation };
      await rejects("HISTORY_LOST", ahead.watch(">", resume));
    },
  }),
];

/** Going on from a revision, and a storage that has lost it: W5, W14. */
export const watchResumeScenarios: readonly Scenario[] = [...resuming, ...loss];
