import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { KeyValueManager } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { afterEach, expect, test, vi } from "vitest";
import type { MemoryOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";

const managers: KeyValueManager[] = [];

async function open(...args: Parameters<typeof connect>): Promise<KeyValueManager> {
  const manager = await connect(...args);
  managers.push(manager);
  return manager;
}

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

const invalidArgument = expect.toSatisfy((error: unknown) => isKeyValueError(error, "INVALID_ARGUMENT"));

test("without a name every storage is its own", async () => {
  for (const [one, other] of [
    [await open(), await open()],
    [await open("memory:"), await open("memory:")],
    [await open({}), await open({ timeout: 100 })],
  ] as const) {
    await one.createKeyValue({ bucket: "b" });
    await expect(other.keyValue("b")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
  }
});

test("managers with one name see each other's buckets, writes and watch events", async () => {
  const one = await open("memory:shared");
  const other = await open({ name: "shared" });
  const kv = await one.createKeyValue({ bucket: "b" });
  const same = await other.keyValue("b");
  const watcher = await same.watch("a");
  await kv.put("a", "1");
  const seen: (string | undefined)[] = [];
  for await (const entry of watcher) {
    seen.push(entry?.string());
    if (entry !== null) break;
  }
  expect(seen).toEqual([undefined, "1"]);
  await expect((await open("memory:another")).keyValue("b")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
});

test("a named storage lives as long as one manager on it is open", async () => {
  const one = await open("memory:life");
  await one.createKeyValue({ bucket: "b" });
  const other = await open("memory:life");
  await one.close();
  await one.close();
  const third = await open("memory:life");
  await other.close();
  await third.keyValue("b");
  await third.close();
  await expect((await open("memory:life")).keyValue("b")).rejects.toMatchObject({ code: "BUCKET_NOT_FOUND" });
});

test("a manager that only watches sees an expiry that another one planned before it closed", async () => {
  const watching = await open("memory:sweep");
  const kv = await watching.createKeyValue({ bucket: "b", limitMarkerTtl: 60_000 });
  const watcher = await kv.watch("a", { updatesOnly: true });
  const writing = await open("memory:sweep");
  await (await writing.keyValue("b")).put("a", "1", { ttl: 50 });
  await writing.close();
  const seen: (string | undefined)[] = [];
  for await (const entry of watcher) {
    if (entry !== null) seen.push(entry.reason ?? entry.operation);
    if (entry?.reason === "expired") break;
  }
  expect(seen).toEqual(["PUT", "expired"]);
});

test("time is what the injected clock says", async () => {
  let now = 5000;
  const manager = await open({ now: () => now });
  const kv = await manager.createKeyValue({ bucket: "b", ttl: 1000 });
  await kv.put("a", "1");
  const entry = await kv.get("a");
  expect([entry?.created.getTime(), entry?.expiresAt?.getTime()]).toEqual([5000, 6000]);
  now += 999;
  expect(await kv.keys()).toEqual(["a"]);
  now += 1;
  expect(await kv.get("a")).toBeNull();
  expect(await kv.status()).toMatchObject({ values: 0, bytes: 0 });
});

test("a named storage has one clock: that of its first manager", async () => {
  const now = (): number => 7000;
  const one = await open({ name: "clock", now });
  await expect(connect({ name: "clock", now: () => 1 })).rejects.toThrow(invalidArgument);
  await open({ name: "clock", now });
  const other = await open("memory:clock");
  await (await one.createKeyValue({ bucket: "b" })).put("a", "1");
  const entry = await (await other.keyValue("b")).get("a");
  expect(entry?.created.getTime()).toBe(7000);
});

test("what is no option is refused before anything", async () => {
  const now = vi.fn(() => 1);
  const wrong: unknown[] = [
    null,
    7,
    "shared",
    "redis://localhost",
    { name: "" },
    { name: 7 },
    { now: 7 },
    { now, file: "x" },
    { now, timeout: 0 },
    { now, onEvent: "x" },
  ];
  for (const options of wrong) {
    await expect(connect(options as MemoryOptions), JSON.stringify(options)).rejects.toThrow(invalidArgument);
  }
  expect(now).not.toHaveBeenCalled();
});

test("a clock that tells no time is refused with the first entry, and leaves nothing behind", async () => {
  for (const now of [() => Number.NaN, () => 8.65e15, () => "noon" as never]) {
    const manager = await connect({ now });
    const kv = await manager.createKeyValue({ bucket: "b" });
    await expect(kv.put("k", "v")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await kv.status()).values).toBe(0);
    await manager.close();
  }
});

test("a process runs on while somebody waits for the next change, and ends when nobody does any more", async () => {
  const program = `
    import { connect } from "@revkv/memory";
    const manager = await connect();
    const kv = await manager.createKeyValue({ bucket: "b", limitMarkerTtl: 1000 });
    await kv.put("k", "v", { ttl: 50 });
    for await (const entry of await kv.watch(">", { updatesOnly: true })) {
      if (entry === null) continue;
      console.log(entry.operation, entry.reason);
      break;
    }
    await kv.watch(">");`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=@revkv/source", "--input-type=module", "--eval", program],
    { cwd: import.meta.dirname },
  );
  expect(stdout).toBe("PURGE expired\n");
});
