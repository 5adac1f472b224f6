import assert from "node:assert/strict";
import { refuses } from "../bucket-state.ts";
import { brief, bytes, rejects } from "../expect.ts";
import { hour, outlive } from "../expiry.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const text = (length: number): string => "x".repeat(length);

/** How large values and buckets may be (rules B9, B10). */
export const bucketLimitScenarios: readonly Scenario[] = [
  scenario("B9/boundary", "a value of exactly maxValueSize is accepted, one byte more is VALUE_TOO_LARGE", {
    async run(env) {
      const kv = await env.bucket({ maxValueSize: 10, history: 2 });
      assert.equal(await kv.put("put", text(10)), 1);
      assert.equal(await kv.create("create", new Uint8Array(10)), 2);
      assert.equal(await kv.update("put", text(10), 1), 3);
      await refuses("VALUE_TOO_LARGE", kv, () => kv.put("put", text(11)));
      await refuses("VALUE_TOO_LARGE", kv, () => kv.putString("put", text(11)));
      await refuses("VALUE_TOO_LARGE", kv, () => kv.put("put", new Uint8Array(11)));
      await refuses("VALUE_TOO_LARGE", kv, () => kv.create("new", text(11)));
      await refuses("VALUE_TOO_LARGE", kv, () => kv.update("put", text(11), 3));
      assert.equal(await kv.put("put", text(10)), 4);
    },
  }),
  scenario("B9/bytes-not-characters", "what counts is the bytes of the value alone", {
    async run(env) {
      const kv = await env.bucket({ maxValueSize: 4 });
      assert.equal(await kv.put("k".repeat(1000), "1234"), 1);
      assert.equal(await kv.put("two", "éé"), 2);
      assert.equal(await kv.put("four", "😀"), 3);
      await refuses("VALUE_TOO_LARGE", kv, () => kv.put("two", "ééx"));
      await refuses("VALUE_TOO_LARGE", kv, () => kv.put("three", "€€"));
      assert.equal(await kv.put("empty", ""), 4);
    },
  }),
  scenario("B9/transaction", "one value too large refuses the whole transaction, whatever comes after it", {
    requires: ({ transactions }) => transactions,
    async run(env) {
      const kv = await env.bucket({ maxValueSize: 4 });
      await kv.put("a", "1");
      await refuses("VALUE_TOO_LARGE", kv, () =>
        kv.transaction([
          { op: "put", key: "a", value: "2" },
          { op: "put", key: "b", value: "12345" },
          { op: "purge", key: "b" },
        ]),
      );
    },
  }),
  scenario("B9/markers", "markers are accepted whatever maxValueSize is", {
    async run(env) {
      const kv = await env.bucket({ maxValueSize: 1, history: 5 });
      assert.equal(await kv.put("a", "1"), 1);
      assert.equal(await kv.delete("a"), 2);
      assert.equal(await kv.purge("a"), 3);
    },
  }),
  scenario("B9/in-force", "the limit in force is the storage's, whoever changed it", {
    async run(env) {
      const kv = await env.bucket({ maxValueSize: 10 });
      const other = await env.open();
      await kv.put("a", text(10));
      await other.updateKeyValue({ bucket: kv.bucket, maxValueSize: 5 });
      await refuses("VALUE_TOO_LARGE", kv, () => kv.put("a", text(6)));
      assert.equal((await kv.get("a"))?.length, 10, "what is there already stays");
      assert.equal(await kv.put("a", text(5)), 2);
      await other.updateKeyValue({ bucket: kv.bucket, maxValueSize: 6 });
      assert.equal(await kv.put("a", text(6)), 3);
      await other.updateKeyValue({ bucket: kv.bucket, maxValueSize: null });
      assert.equal(await kv.put("a", text(60)), 4);
    },
  }),

  scenario("B10/boundary", "keys and values may add up to exactly maxBytes, and to no byte more", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 20 });
      assert.equal(await kv.put("aaaaa", text(5)), 1);
      await refuses("BUCKET_FULL", kv, () => kv.put("bbbbb", text(6)));
      await refuses("BUCKET_FULL", kv, () => kv.put("bbbbbb", text(5)));
      await refuses("BUCKET_FULL", kv, () => kv.create("bbbbb", text(6)));
      await refuses("BUCKET_FULL", kv, () => kv.update("bbbbb", text(6), 0));
      assert.equal(await kv.put("bbbbb", text(5)), 2);
      assert.equal((await kv.status()).bytes, 20);
      await refuses("BUCKET_FULL", kv, () => kv.put("c", ""));
      await refuses("BUCKET_FULL", kv, () => kv.put("aaaaa", text(6)));
    },
    async runWithout(env) {
      const bucket = env.bucketName();
      await rejects("UNSUPPORTED", env.manager.createKeyValue({ bucket, maxBytes: 20 }));
      await rejects("UNSUPPORTED", env.manager.createOrUpdateKeyValue({ bucket, maxBytes: 20 }));
      await rejects("BUCKET_NOT_FOUND", env.manager.keyValue(bucket));
      const kv = await env.bucket({ maxBytes: null });
      await rejects("UNSUPPORTED", env.manager.updateKeyValue({ bucket: kv.bucket, maxBytes: 20 }));
      assert.equal((await kv.status()).config.maxBytes, undefined);
    },
  }),
  scenario("B10/bytes-not-characters", "values count by their bytes", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 5 });
      await refuses("BUCKET_FULL", kv, () => kv.put("aa", "éé"));
      assert.equal(await kv.put("a", "éé"), 1);
      assert.equal((await kv.status()).bytes, 5);
    },
  }),
  scenario("B10/overwrite", "an overwrite that leaves a full bucket as large or makes it smaller is accepted", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 20 });
      await kv.put("aaaaa", text(5));
      await kv.put("bbbbb", text(5));
      assert.equal(await kv.put("aaaaa", "other"), 3);
      assert.equal(await kv.update("aaaaa", text(5), 3), 4);
      assert.equal(await kv.put("aaaaa", text(3)), 5);
      await refuses("BUCKET_FULL", kv, () => kv.put("bbbbb", text(8)));
      assert.equal(await kv.put("bbbbb", text(7)), 6);
      assert.equal((await kv.status()).bytes, 20);
    },
  }),
  scenario("B10/history", "entries kept as history count, and those that the put trims do not", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 8, history: 2 });
      assert.equal(await kv.put("a", "111"), 1);
      assert.equal(await kv.put("a", "222"), 2);
      assert.equal(await kv.put("a", "333"), 3, "the first is trimmed");
      await refuses("BUCKET_FULL", kv, () => kv.put("a", "4444"));
      assert.equal(await kv.put("a", "44"), 4);
      await refuses("BUCKET_FULL", kv, () => kv.put("b", "5"));
      assert.deepEqual((await kv.history("a")).map(brief), ["3 PUT a=333", "4 PUT a=44"]);
    },
  }),
  scenario("B10/markers-work", "however full a bucket is, delete, purge and purgeDeletes work and make room", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 20, history: 3 });
      await kv.put("aaaaa", text(5));
      await kv.put("bbbbb", text(5));
      assert.equal(await kv.delete("aaaaa"), 3, "though its key adds to the sum");
      assert.equal((await kv.status()).bytes, 25);
      await refuses("BUCKET_FULL", kv, () => kv.put("bbbbb", ""));
      assert.equal(await kv.delete("ccccc"), 4);
      assert.equal(await kv.purge("bbbbb"), 5);
      assert.equal((await kv.status()).bytes, 25);
      assert.equal(await kv.purgeDeletes({ olderThan: 0 }), 4);
      assert.equal((await kv.status()).bytes, 0);
      assert.equal(await kv.put("aaaaa", text(15)), 6);
      assert.equal(await kv.deleteAll(), 1);
      assert.equal(await kv.purgeAll(), 0);
    },
  }),
  scenario("B10/purge-makes-room", "what a purge takes away makes room at once", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 10, history: 5 });
      await kv.put("a", "11");
      await kv.put("a", "22");
      await kv.put("b", "33");
      await refuses("BUCKET_FULL", kv, () => kv.put("c", "44"));
      await kv.purge("a");
      assert.equal((await kv.status()).bytes, 4);
      assert.equal(await kv.put("c", "44444"), 5);
      assert.equal((await kv.status()).bytes, 10);
    },
  }),
  scenario("B10/expired-makes-room", "what is due to expire does not count", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 10, ttl: hour });
      await kv.put("a", "1234");
      await kv.put("b", "1234");
      await refuses("BUCKET_FULL", kv, () => kv.put("c", "1"));
      await env.manager.updateKeyValue({ bucket: kv.bucket, ttl: 500 });
      await outlive(env, 500);
      assert.equal(await kv.put("c", text(9)), 3);
    },
  }),
  scenario("B10/expiry-markers-count", "a due expiry is carried out first, and its marker counts", {
    requires: ({ maxBytes, limitMarkers, perKeyTtl }) => maxBytes && limitMarkers && perKeyTtl,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 12, limitMarkerTtl: hour });
      await kv.put("b", "12345");
      await kv.put("a", "12345", { ttl: 1000 });
      await outlive(env, 1000);
      await rejects("BUCKET_FULL", kv.put("c", text(5)));
      assert.deepEqual((await kv.history(">")).map(brief), ["1 PUT b=12345", "3 PURGE a expired"]);
      assert.equal(await kv.put("c", text(4)), 4);
      assert.equal((await kv.status()).bytes, 12);
    },
  }),
  scenario("B10/in-force", "the limit in force is the storage's, and lowering it takes nothing away", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 20 });
      const other = await env.open();
      await kv.put("a", text(9));
      await kv.put("b", text(9));
      await other.updateKeyValue({ bucket: kv.bucket, maxBytes: 10 });
      assert.equal((await kv.status()).bytes, 20);
      await refuses("BUCKET_FULL", kv, () => kv.put("a", text(10)));
      await refuses("BUCKET_FULL", kv, () => kv.put("c", ""));
      assert.equal(await kv.put("a", text(9)), 3, "as large as before");
      assert.equal(await kv.put("a", text(1)), 4, "smaller, though still above the limit");
      await other.updateKeyValue({ bucket: kv.bucket, maxBytes: null });
      assert.equal(await kv.put("a", text(1000)), 5);
      await other.updateKeyValue({ bucket: kv.bucket, maxBytes: 5000 });
      assert.equal(await kv.put("c", bytes(text(1000))), 6);
    },
  }),
  scenario("B10/at-the-same-time", "puts at the same time never lift a bucket above maxBytes together", {
    requires: ({ maxBytes }) => maxBytes,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 100 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const puts = Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? kv : other).put(`key${index + 10}`, "12345"),
      );
      const outcomes = await Promise.allSettled(puts);
      const accepted = outcomes.filter(({ status }) => status === "fulfilled");
      assert.equal(accepted.length, 10);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") await rejects("BUCKET_FULL", Promise.reject(outcome.reason));
      }
      const { bytes: total, lastRevision } = await kv.status();
      assert.deepEqual([total, lastRevision], [100, 10]);
    },
  }),
  scenario("B10/transaction", "a transaction is judged by what it leaves, and refused as a whole", {
    requires: ({ maxBytes, transactions }) => maxBytes && transactions,
    async run(env) {
      const kv = await env.bucket({ maxBytes: 20 });
      await kv.put("a", text(9));
      await kv.put("b", text(9));
      await refuses("BUCKET_FULL", kv, () =>
        kv.transaction([
          { op: "put", key: "a", value: text(8) },
          { op: "put", key: "c", value: text(1) },
        ]),
      );
      const swapped = await kv.transaction([
        { op: "put", key: "a", value: text(12) },
        { op: "put", key: "b", value: text(6) },
      ]);
      assert.deepEqual(swapped, [3, 4]);
      assert.equal((await kv.status()).bytes, 20);
    },
  }),
];
