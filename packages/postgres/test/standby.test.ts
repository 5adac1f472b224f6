import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startPostgres } from "@revkv/servers/postgres";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";

test("M8: a standby says that its reads may be behind; it can be read and watched, not written to", {
  timeout: 120_000,
}, async () => {
  const server = await startPostgres();
  const writer = await connect(server.url);
  expect(writer.capabilities.readAfterWrite).toBe(true);
  const bucket = await writer.createKeyValue({ bucket: "zones" });
  await bucket.put("Europe.Paris", "+01:00");
  await writer.close();

  await server.stop();
  await writeFile(join(server.directory, "data", "standby.signal"), "");
  await server.restart();

  const reader = await connect(server.url);
  expect(reader.capabilities.readAfterWrite).toBe(false);
  const replica = await reader.keyValue("zones");
  expect((await replica.get("Europe.Paris"))?.string()).toBe("+01:00");
  const seen: (string | undefined)[] = [];
  for await (const entry of await replica.watchAll()) {
    if (entry === null) break;
    seen.push(entry.key);
  }
  expect(seen).toEqual(["Europe.Paris"]);
  await expect(replica.put("Europe.Paris", "+02:00")).rejects.toMatchObject({ code: "READ_ONLY" });
  await reader.close();
  await server[Symbol.asyncDispose]();
});
