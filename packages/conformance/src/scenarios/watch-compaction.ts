import assert from "node:assert/strict";
import { isKeyValueError } from "@revkv/api";
import type { WatchReader } from "../expect.ts";
import { brief, read, rejects, throughNull, within } from "../expect.ts";
import { outlive, readable } from "../expiry.ts";
import { inParallel } from "../load.ts";
import { record } from "../recorder.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/**
 * Asserts that a watcher that lags behind a removed marker ends with the error, unless it had read past it before it was
 * removed: then it gives the marker, if its filter selects it, and goes on to the last entry.
 */
async function learnsOf(
  reader: WatchReader | undefined,
  { marker, compactedTo, last }: { marker?: string; compactedTo: number; last: number },
): Promise<void> {
  assert.ok(reader !== undefined);
  try {
    const seen: string[] = [];
    for (let revision = 0; revision !== last; ) {
      const item = await reader.next();
      revision = item?.revision ?? 0;
      seen.push(brief(item));
    }
    assert.ok(marker === undefined || seen.includes(marker), `went on without ${marker}: ${seen.join(", ")}`);
    await reader.watcher.stop();
  } catch (error) {
    if (!isKeyValueError(error)) throw error;
    await rejects("REVISION_COMPACTED", Promise.reject(error), { compactedTo });
    assert.deepEqual(await reader.ended(), [], "after its error a watcher is at its end");
  }
}

/** Deletions that can no longer be learnt of: W13. */
export const watchCompactionScenarios: readonly Scenario[] = [
  scenario("W13/resume", "resuming at or below compactedTo is REVISION_COMPACTED, above it works", {
    requires: (capabilities) => capabilities.compactionDetection,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("b", "1");
      assert.equal((await kv.status()).compactedTo, 0);
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 2);
      for (const revision of [1, 2]) {
        await rejects("REVISION_COMPACTED", kv.watch(">", { resumeFromRevision: revision }), { compactedTo: 2 });
      }
      assert.deepEqual((await throughNull(await kv.watch(">", { resumeFromRevision: 3 }))).map(brief), ["3 PUT b=1"]);
    },
  }),

  scenario("W13/whole-bucket", "compactedTo counts for the whole bucket, whatever the filter", {
    requires: (capabilities) => capabilities.compactionDetection,
    async run(env) {
      const kv = await env.bucket();
      await kv.put("mine", "1");
      await kv.delete("other");
      await kv.put("mine", "2");
      await kv.purgeDeletes({ olderThan: 0 });
      await rejects("REVISION_COMPACTED", kv.watch("mine", { resumeFromRevision: 1 }), { compactedTo: 2 });
      assert.deepEqual((await throughNull(await kv.watch("mine", { resumeFromRevision: 3 }))).map(brief), [
        "3 PUT mine=2",
      ]);
    },
  }),

  scenario("W13/highest-marker", "compactedTo is the highest marker removed, and never goes back", {
    requires: (capabilities) => capabilities.compactionDetection,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.delete("a");
      await kv.purge("b");
      await kv.put("c", "1");
      await kv.delete("c");
      await kv.put("c", "2");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 2, "the marker in the history of a live key was not removed");
      await kv.delete("d");
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 6);
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal((await kv.status()).compactedTo, 6);
    },
  }),

  scenario("W13/fresh-watch", "a watcher that starts anew after purgeDeletes works", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.put("b", "1");
      await kv.delete("a");
      await kv.purgeDeletes({ olderThan: 0 });
      for (const start of [{}, { includeHistory: true }]) {
        assert.deepEqual((await throughNull(await kv.watch(">", start))).map(brief), ["2 PUT b=1"]);
      }
      const reader = read(await kv.watch(">", { updatesOnly: true }));
      assert.equal(await reader.next(), null);
      await kv.put("c", "1");
      assert.equal(brief(await reader.next()), "4 PUT c=1");
      await reader.watcher.stop();
    },
  }),

  scenario("W13/lagging", "a watcher that did not read a marker before it was purged away ends with the error", {
    requires: (capabilities) => capabilities.compactionDetection,
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const reader = read(await kv.watch(">"));
      assert.deepEqual((await reader.throughNull()).map(brief), ["1 PUT a=1"]);
      const unread = [await kv.watch(">"), await kv.watch("other"), await kv.watch(">", { updatesOnly: true })];
      await kv.delete("a");
      await kv.put("b", "1");
      await kv.purgeDeletes({ olderThan: 0 });
      const last = await kv.put("other", "1");
      const [all, other, updates] = unread.map(read);
      for (const lagging of [reader, all, updates])
        await learnsOf(lagging, { marker: "2 DEL a", compactedTo: 2, last });
      await learnsOf(other, { compactedTo: 2, last });
    },
  }),

  scenario("W13/lagging-for-each", "forEach rejects with the error, too", {
    requires: (capabilities) => capabilities.compactionDetection,
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const watcher = await kv.watch(">");
      const seen: string[] = [];
      const reading = watcher.forEach(async (item) => {
        seen.push(brief(item));
        if (item?.key === "last") await watcher.stop();
        if (item !== null) return;
        await kv.delete("a");
        await kv.purgeDeletes({ olderThan: 0 });
        await kv.put("last", "1");
      });
      const [outcome] = await within("forEach to end", Promise.allSettled([reading]));
      if (outcome.status === "fulfilled") assert.ok(seen.includes("2 DEL a"), seen.join(", "));
      else await rejects("REVISION_COMPACTED", reading, { compactedTo: 2 });
    },
  }),

  scenario(
    "W13/history-marker-removed-while-reading",
    "a watcher that gave a value and not yet its deletion, which is then purged away, does not go on without it",
    {
      requires: (capabilities) => capabilities.compactionDetection,
      async run(env) {
        for (const start of [{ includeHistory: true }, { resumeFromRevision: 1 }]) {
          const kv = await env.bucket({ history: 5 });
          await kv.put("a", "1");
          await kv.put("b", "1");
          await kv.delete("a");
          const reader = read(await kv.watch(">", start));
          assert.equal(brief(await reader.next()), "1 PUT a=1");
          await kv.purgeDeletes({ olderThan: 0 });
          const last = await kv.put("last", "1");
          await learnsOf(reader, { marker: "3 DEL a", compactedTo: 3, last });
        }
      },
    },
  ),

  scenario("W13/caught-up", "a watcher that read the marker goes on when it is purged away", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      const reader = read(await kv.watch(">"));
      await reader.throughNull();
      await kv.delete("a");
      assert.equal(brief(await reader.next()), "2 DEL a");
      await kv.purgeDeletes({ olderThan: 0 });
      await kv.put("b", "1");
      assert.equal(brief(await reader.next()), "3 PUT b=1");
      await reader.watcher.stop();
    },
  }),

  scenario("W13/young-marker-stays", "a marker too young to be removed does not compact anything", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.purgeDeletes();
      assert.equal((await kv.status()).compactedTo, 0);
      assert.deepEqual((await throughNull(await kv.watch(">", { resumeFromRevision: 1 }))).map(brief), ["2 DEL a"]);
    },
  }),

  scenario("W13/trim-and-purge", "markers that history trims or a purge replaces do not compact anything", {
    async run(env) {
      const kv = await env.bucket();
      await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("a", "2");
      await kv.delete("b");
      await kv.purge("b");
      assert.equal((await kv.status()).compactedTo, 0);
      const resumed = await throughNull(await kv.watch(">", { resumeFromRevision: 1 }));
      assert.deepEqual(resumed.map(brief), ["3 PUT a=2", "5 PURGE b"]);
    },
  }),

  scenario("W13/marker-expiry", "a marker that expires by itself compacts", {
    requires: (capabilities) => capabilities.compactionDetection,
    async run(env) {
      const kv = await env.bucket({ ttl: readable });
      await kv.put("a", "1");
      await kv.delete("a");
      await outlive(env, readable);
      await kv.put("b", "1");
      assert.equal((await kv.status()).compactedTo, 2);
      await rejects("REVISION_COMPACTED", kv.watch(">", { resumeFromRevision: 2 }), { compactedTo: 2 });
      assert.deepEqual((await throughNull(await kv.watch(">", { resumeFromRevision: 3 }))).map(brief), ["3 PUT b=1"]);
    },
  }),

  scenario("W13/purge-with-ttl", "a PURGE marker with a ttl of its own compacts when it lapses", {
    requires: (capabilities) => capabilities.compactionDetection && capabilities.perKeyTtl && capabilities.limitMarkers,
    async run(env) {
      const kv = await env.bucket({ limitMarkerTtl: 3_600_000 });
      await kv.put("a", "1");
      await kv.purge("a", { ttl: 1000 });
      await kv.put("b", "1");
      assert.equal((await kv.status()).compactedTo, 0);
      await env.pass(1000 + env.capabilities.ttlResolutionMs);
      assert.equal((await kv.status()).compactedTo, 2);
      await rejects("REVISION_COMPACTED", kv.watch(">", { resumeFromRevision: 1 }), { compactedTo: 2 });
    },
  }),

  scenario("W13/value-expiry", "values that expire in silence do not compact anything", {
    async run(env) {
      const kv = await env.bucket({ ttl: readable, history: 5 });
      await kv.put("a", "1");
      await kv.put("a", "2");
      await outlive(env, readable);
      await kv.put("b", "1");
      assert.equal((await kv.status()).compactedTo, 0);
      assert.deepEqual((await throughNull(await kv.watch(">", { resumeFromRevision: 1 }))).map(brief), ["3 PUT b=1"]);
    },
  }),

  scenario("W13/racing", "while markers are purged away a watcher gets all that is kept or ends with the error", {
    requires: (capabilities) => capabilities.compactionDetection,
    async run(env) {
      const kv = await env.bucket();
      for (let round = 0; round < 10; round += 1) {
        const watcher = await kv.watch(">", { updatesOnly: true });
        const recorder = record(watcher);
        const [first = 0] = await inParallel(20, 4, (index) => kv.put(`k.${index}`, `${round}`));
        await Promise.all([inParallel(20, 4, (index) => kv.delete(`k.${index}`)), kv.purgeDeletes({ olderThan: 0 })]);
        const last = await kv.put("last", `${round}`);
        try {
          await recorder.reaches(last);
        } catch (error) {
          const { compactedTo } = await kv.status();
          const missed = await rejects("REVISION_COMPACTED", Promise.reject(error));
          assert.ok(missed.compactedTo <= compactedTo && missed.compactedTo > recorder.revision);
          continue;
        }
        const { updates } = await recorder.stop();
        const deleted = new Set(updates.filter((entry) => entry.operation === "DEL").map((entry) => entry.key));
        assert.equal(deleted.size, 20, `a watcher that does not end sees every deletion since ${first}`);
      }
    },
  }),
];
