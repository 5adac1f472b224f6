import { expect, test } from "vitest";
import type { TransactionClient } from "../src/index.ts";
import { open, poolOf } from "./open.ts";
import { begin, sameBucket, setUp } from "./using.ts";

test("other writers wait for the transaction, fail with TIMEOUT at their deadline, and go on when it ends", async () => {
  const setting = await setUp();
  const { pool, kv, other } = setting;
  const { kv: hasty, other: hastyOther } = await sameBucket(setting, 2000);
  const client = await begin(pool);
  await kv.using(client).put("a", "1");
  const late = await Promise.allSettled([
    hasty.put("b", "1"),
    hastyOther.put("b", "1"),
    hastyOther.create("c", "1"),
    hastyOther.transaction([{ op: "put", key: "d", value: "1" }]),
    hastyOther.purgeDeletes(),
  ]);
  const codes = late.map((one) => one.status === "rejected" && (one.reason as { code: string }).code);
  expect(codes).toEqual(["TIMEOUT", "TIMEOUT", "TIMEOUT", "TIMEOUT", "TIMEOUT"]);
  expect(await other.get("a")).toBeNull();
  const waiting = [kv.put("e", "1"), other.put("f", "1")];
  await client.query("COMMIT");
  expect((await Promise.all(waiting)).toSorted()).toEqual([2, 3]);
  expect(await kv.keys()).toEqual(["a", "e", "f"]);
});

test("a writer that has waited for a connection waits for the transaction as long as is left, and is told that nothing was written", async () => {
  const setting = await setUp();
  const { url, schema, kv: patientKv, other } = setting;
  const { other: hasty } = await sameBucket(setting, 1500);
  const pool = poolOf(url, { max: 1 });
  const kv = await (await open({ pool, schema, timeout: 3000 })).keyValue("b");
  const client = await begin(poolOf(url));
  await patientKv.using(client).put("a", "1");
  const borrowed = await pool.connect();
  const writing = kv.put("b", "1");
  await expect(hasty.put("b", "1")).rejects.toMatchObject({ code: "TIMEOUT" });
  borrowed.release();
  await expect(writing).rejects.toMatchObject({ code: "TIMEOUT" });
  await client.query("ROLLBACK");
  expect(await other.keys()).toEqual([]);
});

test("a transaction that waits for another gives up as any writer does, and can then only be rolled back", async () => {
  const setting = await setUp();
  const { pool, kv } = setting;
  const { kv: hasty } = await sameBucket(setting, 2000);
  const first = await begin(pool);
  const second = await begin(pool);
  await kv.using(first).put("a", "1");
  await expect(hasty.using(second).put("a", "2")).rejects.toMatchObject({ code: "TIMEOUT" });
  await expect(kv.using(second).get("a")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await second.query("ROLLBACK");
  await first.query("COMMIT");
  expect((await kv.get("a"))?.string()).toBe("1");
});

test("transactions that hold buckets in opposite order are ended by the server, one of them", async () => {
  const { url, schema, pool, kv } = await setUp();
  const manager = await open({ connectionString: url, schema });
  const sibling = await manager.createKeyValue({ bucket: "sibling" });
  const first = await begin(pool);
  const second = await begin(pool);
  await kv.using(first).put("a", "1");
  await sibling.using(second).put("a", "1");
  const crossing = await Promise.allSettled([sibling.using(first).put("a", "2"), kv.using(second).put("a", "2")]);
  const lost = crossing.filter((one) => one.status === "rejected");
  expect(lost.map(({ reason }) => (reason as { code: string }).code)).toEqual(["UNAVAILABLE"]);
});

test("concurrent calls on one client go one after the other, through any number of handles", async () => {
  const { pool, kv } = await setUp();
  const client = await begin(pool);
  let running = 0;
  let most = 0;
  const counting: TransactionClient = {
    query: async (text, values) => {
      running += 1;
      most = Math.max(most, running);
      const result = await client.query(text, values);
      running -= 1;
      return result;
    },
  };
  const handles = [kv.using(counting), kv.using(counting)];
  const writing = handles.flatMap((handle, index) => [1, 2, 3].map((key) => handle.put(`${index}.${key}`, "1")));
  const reading = handles.map((handle) => handle.keys());
  expect(new Set(await Promise.all(writing))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  await Promise.all(reading);
  expect(most).toBe(1);
  await client.query("COMMIT");
  expect(await kv.keys()).toHaveLength(6);
});

test("what waited for the client in vain is not sent later", async () => {
  const { pool, kv } = await setUp({ timeout: 2000 });
  const client = await begin(pool);
  const held = Promise.withResolvers<void>();
  const sent: string[] = [];
  const slow: TransactionClient = {
    query: async (text, values) => {
      sent.push(text);
      await held.promise;
      return client.query(text, values);
    },
  };
  const joined = kv.using(slow);
  const reading = joined.keys();
  const writing = kv.using(slow).put("a", "1");
  const controller = new AbortController();
  const aborted = joined.status({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  // The write was not sent: nothing about it is unknown.
  expect(await Promise.allSettled([reading, writing])).toMatchObject([
    { reason: { code: "TIMEOUT" } },
    { reason: { code: "TIMEOUT" } },
  ]);
  held.resolve();
  expect(await kv.using(slow).get("a")).toBeNull();
  expect(sent).toHaveLength(2);
  await client.query("ROLLBACK");
});
