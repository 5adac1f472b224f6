import { connect as connectNats } from "@nats-io/transport-node";
import type { KeyValue } from "@revkv/api";
import { expect, test } from "vitest";
import { open, proxy, server } from "./open.ts";

async function brief(kv: KeyValue): Promise<string[]> {
  return (await kv.history(">")).map((entry) =>
    `${entry.key}@${entry.revision} ${entry.operation} ${entry.string()}`.trimEnd(),
  );
}

async function setUp(history = 64) {
  const nats = await server();
  const network = await proxy(nats);
  const direct = await (await open(nats.url)).createKeyValue({ bucket: "b", history });
  const kv = await (await open(`nats://127.0.0.1:${network.port}`)).keyValue("b");
  return { nats, network, direct, kv };
}

test("M10: writes whose answers are lost give their revisions, in order, and are carried out once", async () => {
  const { network, direct, kv } = await setUp();
  expect(await kv.put("a", "1")).toBe(1);
  network.hold("to-client");
  const settled = Promise.allSettled([
    kv.put("a", "2"),
    kv.put("a", "3"),
    kv.create("b", "4"),
    kv.update("a", "5", 3),
    kv.update("a", "x", 1),
    kv.delete("c"),
    kv.purge("b"),
  ]);
  await expect.poll(() => brief(direct)).toHaveLength(6);
  network.cut();
  network.release();
  const values = (await settled).map((one) => (one.status === "fulfilled" ? one.value : one.reason));
  expect(values).toMatchObject([2, 3, 4, 5, { code: "REVISION_MISMATCH", actual: 5 }, 6, 7]);
  expect(await brief(direct)).toEqual(["a@1 PUT 1", "a@2 PUT 2", "a@3 PUT 3", "a@5 PUT 5", "c@6 DEL", "b@7 PURGE"]);
});

test("M10: writes that were lost before they were carried out are sent again, once and in order", async () => {
  const { network, direct, kv } = await setUp();
  await kv.put("a", "1");
  network.hold("to-server");
  const writing = Promise.all([kv.put("a", "2"), kv.put("b", "3"), kv.put("a", "4"), kv.create("c", "5")]);
  await expect.poll(() => network.waiting).toBeGreaterThan(0);
  network.cut();
  network.release();
  const revisions = await writing;
  expect(revisions.toSorted()).toEqual([2, 3, 4, 5]);
  expect(revisions[0]).toBeLessThan(revisions[2] ?? 0);
  expect((await brief(direct)).map((line) => line.replace(/@\d/, "")).toSorted()).toEqual([
    "a PUT 1",
    "a PUT 2",
    "a PUT 4",
    "b PUT 3",
    "c PUT 5",
  ]);
});

test("M10: a write that was overwritten before anybody asked is found by its id", async () => {
  const { network, direct, kv } = await setUp(1);
  network.hold("to-client");
  const writing = kv.put("a", "mine");
  await expect.poll(() => brief(direct)).toEqual(["a@1 PUT mine"]);
  expect(await direct.put("a", "theirs")).toBe(2);
  network.cut();
  network.release();
  expect(await writing).toBe(1);
  expect(await brief(direct)).toEqual(["a@2 PUT theirs"]);
});

test("M10: a write that never arrived does not overwrite what others have written since", async () => {
  const { network, direct, kv } = await setUp();
  network.hold("to-server");
  const writing = kv.put("a", "mine");
  await expect.poll(() => network.waiting).toBeGreaterThan(0);
  expect(await direct.put("a", "theirs")).toBe(1);
  network.cut();
  network.release();
  await expect(writing).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
  expect(await brief(direct)).toEqual(["a@1 PUT theirs"]);
});

test("E3: while the connection is down writes wait, and those never sent time out and are not carried out", {
  timeout: 60_000,
}, async () => {
  const { network, direct } = await setUp();
  const manager = await open({ servers: `nats://127.0.0.1:${network.port}`, timeout: 700 });
  const kv = await manager.keyValue("b");
  network.refuse();
  network.cut();
  await expect
    .poll(async () => ((await kv.put("a", "never").catch((reason: unknown) => reason)) as { code?: string }).code, {
      timeout: 15_000,
    })
    .toBe("TIMEOUT");
  await expect(kv.get("a")).rejects.toMatchObject({ code: "TIMEOUT" });
  await network.accept();
  await expect.poll(() => kv.put("b", "again").catch(() => undefined), { timeout: 15_000 }).toBeTypeOf("number");
  expect((await brief(direct)).filter((line) => line.startsWith("a@"))).toEqual([]);
});

test("M10, E3: a frozen server answers nothing: reads time out, a write that was sent is of unknown outcome", {
  timeout: 60_000,
}, async () => {
  const { nats, direct } = await setUp();
  const kv = await (await open({ servers: nats.url, timeout: 1200 })).keyValue("b");
  await kv.put("a", "1");
  await nats.pause();
  const [put, get] = await Promise.allSettled([kv.put("a", "2"), kv.get("a")]);
  await nats.resume();
  expect(put).toMatchObject({ status: "rejected", reason: { code: "OUTCOME_UNKNOWN" } });
  expect(get).toMatchObject({ status: "rejected", reason: { code: "TIMEOUT" } });
  await expect.poll(() => brief(direct)).toEqual(["a@1 PUT 1", "a@2 PUT 2"]);
});

test("M10: a write that was sent is of unknown outcome when the connection is closed, or given up, before it is answered", {
  timeout: 60_000,
}, async () => {
  const nats = await server();
  const network = await proxy(nats);
  const direct = await (await open(nats.url)).createKeyValue({ bucket: "b" });
  for (const ending of ["closed", "given up"]) {
    const connection = await connectNats({ servers: `nats://127.0.0.1:${network.port}`, maxReconnectAttempts: 0 });
    const kv = await (await open({ connection })).keyValue("b");
    network.hold("to-client");
    const writing = kv.put(ending.replace(" ", "-"), "1");
    await expect.poll(() => direct.get(ending.replace(" ", "-")), { timeout: 15_000 }).not.toBeNull();
    if (ending === "closed") void connection.close();
    else {
      network.refuse();
      network.cut();
    }
    await expect(writing).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    await expect(kv.put("c", "1")).rejects.toMatchObject({ code: "CLOSED" });
    network.cut();
    network.release();
    await network.accept();
  }
});

test("B11: a bucket that took another's place while the connection was down gets none of its writes", {
  timeout: 60_000,
}, async () => {
  const nats = await server();
  const network = await proxy(nats);
  const other = await open(nats.url);
  await other.createKeyValue({ bucket: "b" });
  const events: string[] = [];
  const manager = await open({
    servers: `nats://127.0.0.1:${network.port}`,
    onEvent: ({ type }) => void events.push(type),
  });
  const kv = await manager.keyValue("b");
  await kv.put("a", "1");
  network.hold();
  await other.deleteKeyValue("b");
  const second = await other.createKeyValue({ bucket: "b" });
  network.refuse();
  network.cut();
  network.release();
  await expect.poll(() => events, { timeout: 15_000 }).toContain("reconnecting");
  const writing = Promise.allSettled([kv.put("b", "waits in vain"), kv.delete("a")]);
  await network.accept();
  expect(await writing).toMatchObject([
    { reason: { code: "BUCKET_NOT_FOUND" } },
    { reason: { code: "BUCKET_NOT_FOUND" } },
  ]);
  for (const call of [() => kv.put("c", "2"), () => kv.get("a")]) {
    await expect(call()).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
  }
  expect((await second.status()).lastRevision).toBe(0);
});
