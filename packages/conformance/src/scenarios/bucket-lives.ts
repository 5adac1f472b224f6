import assert from "node:assert/strict";
import { stateOf } from "../bucket-state.ts";
import { bucketCalls } from "../every-call.ts";
import { brief, eventually, of, rejects } from "../expect.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

/** What ends with a bucket, and what goes on as long as it lives (rules B11, M2). */
export const bucketLifeScenarios: readonly Scenario[] = [
  scenario("B11/every-call", "whatever is asked of a handle on a deleted bucket is BUCKET_NOT_FOUND", {
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      await kv.put("key", "value");
      assert.equal((await other.get("key"))?.string(), "value");
      await env.manager.deleteKeyValue(kv.bucket);
      for (const handle of [kv, other]) {
        for (const { name, invoke } of bucketCalls(handle, env.capabilities)) {
          await of(name, () => rejects("BUCKET_NOT_FOUND", invoke()));
        }
      }
    },
  }),
  scenario("B11/re-created", "a handle on the old bucket neither reads nor writes the new one of the same name", {
    requires: ({ bucketIncarnation }) => bucketIncarnation,
    async run(env) {
      const old = await env.bucket();
      const { bucket } = old;
      const otherManager = await env.open();
      const otherOld = await otherManager.keyValue(bucket);
      await old.put("key", "old");
      await env.manager.deleteKeyValue(bucket);
      const fresh = await otherManager.createKeyValue({ bucket });
      assert.equal(await fresh.get("key"), null, "the new bucket is empty");
      assert.equal(await fresh.put("key", "new"), 1);
      const before = await stateOf(fresh);
      for (const handle of [old, otherOld]) {
        for (const { name, invoke } of bucketCalls(handle, env.capabilities)) {
          await of(name, () => rejects("BUCKET_NOT_FOUND", invoke()));
        }
      }
      assert.deepEqual(await stateOf(fresh), before, "the old handles changed nothing");
      assert.equal(await (await env.manager.keyValue(bucket)).put("key", "newer"), 2);
    },
  }),
  scenario("B11/others-unharmed", "deleting a bucket leaves every other bucket as it was", {
    async run(env) {
      const [kv, other] = [await env.bucket({ history: 3 }), await env.bucket({ history: 3 })];
      for (const handle of [kv, other]) {
        await handle.put("key", "one");
        await handle.delete("key");
      }
      const before = await stateOf(other);
      await env.manager.deleteKeyValue(kv.bucket);
      assert.deepEqual(await stateOf(other), before);
    },
  }),
  scenario("B11/deleted-once", "of several deletions of a bucket at the same time one succeeds", {
    async run(env) {
      const kv = await env.bucket();
      const managers = [env.manager, await env.open(), await env.open()];
      const outcomes = await Promise.allSettled(managers.map((manager) => manager.deleteKeyValue(kv.bucket)));
      const refused = outcomes.filter((outcome) => outcome.status === "rejected");
      assert.equal(refused.length, managers.length - 1);
      for (const { reason } of refused) await rejects("BUCKET_NOT_FOUND", Promise.reject(reason));
    },
  }),
  scenario("B11/during-writes", "each write that races with the deletion succeeds or is BUCKET_NOT_FOUND", {
    async run(env) {
      const kv = await env.bucket();
      const puts = Array.from({ length: 50 }, (_, index) => kv.put(`key${index}`, "value"));
      const deleted = env.manager.deleteKeyValue(kv.bucket);
      const outcomes = await Promise.allSettled(puts);
      await deleted;
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") await rejects("BUCKET_NOT_FOUND", Promise.reject(outcome.reason));
      }
      const fresh = await env.manager.createKeyValue({ bucket: kv.bucket });
      assert.deepEqual(await fresh.keys(), [], "nothing of it is in a new bucket of that name");
    },
  }),
  scenario("M2/removed", "revisions rise on, whatever was purged or removed for good", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      assert.equal(await kv.put("a", "1"), 1);
      assert.equal(await kv.put("b", "2"), 2);
      assert.equal(await kv.purge("b"), 3);
      assert.equal(await kv.delete("a"), 4);
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 3);
      assert.deepEqual((await stateOf(kv)).entries, []);
      assert.equal((await kv.status()).lastRevision, 4);
      assert.equal(await kv.put("a", "5"), 5);
      assert.equal(await kv.purgeAll(), 1);
      await kv.purgeDeletes({ olderThan: 0 });
      assert.equal(await (await (await env.open()).keyValue(kv.bucket)).put("a", "7"), 7);
    },
  }),
  scenario("M2/expired", "revisions rise on when everything in the bucket has expired", {
    async run(env) {
      const kv = await env.bucket({ ttl: 1000 });
      assert.equal(await kv.put("a", "1"), 1);
      assert.equal(await kv.put("b", "2"), 2);
      await env.pass(1000 + env.capabilities.ttlResolutionMs);
      assert.deepEqual(await kv.keys(), []);
      await eventually("the removal of what expired", async () => (await kv.status()).values === 0);
      assert.equal((await kv.status()).lastRevision, 2);
      assert.equal(await kv.put("c", "3"), 3);
    },
  }),
  scenario("M2/re-opened", "revisions rise on for a manager that opens the storage later", {
    async run(env) {
      const first = await env.open();
      const bucket = env.bucketName();
      const kv = await first.createKeyValue({ bucket });
      await kv.put("a", "1");
      await kv.purge("a");
      await kv.purgeDeletes({ olderThan: 0 });
      await first.close();
      const again = await (await env.open()).keyValue(bucket);
      assert.equal((await again.status()).lastRevision, 2);
      assert.equal(await again.put("a", "3"), 3);
    },
  }),
  scenario("M2/config-changed", "revisions rise on when the config changes", {
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      const updated = await env.manager.updateKeyValue({ bucket: kv.bucket, history: 1, maxValueSize: 100 });
      assert.equal(await updated.put("a", "4"), 4);
      assert.equal(await kv.put("a", "5"), 5);
    },
  }),
  scenario("M2/re-created", "a bucket that is deleted and created again is empty and begins at 1", {
    async run(env) {
      const kv = await env.bucket({ history: 3 });
      for (const value of ["1", "2", "3"]) await kv.put("a", value);
      await kv.delete("b");
      await env.manager.deleteKeyValue(kv.bucket);
      const fresh = await env.manager.createKeyValue({ bucket: kv.bucket });
      const { lastRevision, compactedTo, values, bytes, history } = await fresh.status();
      assert.deepEqual(
        { lastRevision, compactedTo, values, bytes, history },
        { lastRevision: 0, compactedTo: 0, values: 0, bytes: 0, history: 1 },
      );
      assert.equal(await fresh.put("a", "new"), 1);
      assert.deepEqual((await fresh.history("a")).map(brief), ["1 PUT a=new"]);
      assert.equal(await fresh.getRevision("a", 3), null);
    },
  }),
];
