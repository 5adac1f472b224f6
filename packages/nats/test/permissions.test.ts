import { expect, test } from "vitest";
import { open, server } from "./open.ts";

const permissions = {
  silent: 'publish: ">", subscribe: { deny: ["_INBOX.>"] }',
  outsider: 'publish: { deny: ["$JS.API.>"] }',
  reader: 'publish: { deny: ["$KV.>"] }',
  deaf: 'publish: ">", subscribe: { deny: ["$JS.EVENT.>"] }',
  uninformed: 'publish: { deny: ["$JS.API.CONSUMER.INFO.>"] }',
  untidy: 'publish: { deny: ["$JS.API.CONSUMER.DELETE.>"] }',
};

/** Starts a server with these users; gives what opens a manager as one of them, and the events. */
async function withUsers() {
  const users = Object.entries(permissions).map(
    ([name, its]) => `{ user: ${name}, password: secret, permissions: { ${its} } }`,
  );
  const { url } = await server(`authorization { users = [ ${users.join(", ")} ] }`);
  const events: string[] = [];
  const as = (user: string) =>
    open({ servers: url.replace("//", `//${user}:secret@`), onEvent: ({ type }) => void events.push(type) });
  return { as, events };
}

test("what a user may not do is told as that, and who may not hear of changes can do the rest", {
  timeout: 60_000,
}, async () => {
  const { as, events } = await withUsers();
  for (const user of ["silent", "outsider", "stranger"]) {
    await expect(as(user)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  }
  const kv = await (await as("deaf")).createKeyValue({ bucket: "b" });
  expect(await kv.put("a", "1")).toBe(1);
  expect(events).toEqual(["unsafe-setting"]);
  const read = await (await as("reader")).keyValue("b");
  expect((await read.get("a"))?.string()).toBe("1");
  await expect(read.put("a", "2")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
});

test.each(["uninformed", "untidy"] as const)("who is %s of consumers creates and changes buckets", async (user) => {
  const { as } = await withUsers();
  const kv = await (await as("deaf")).createKeyValue({ bucket: "b", history: 3 });
  for (const value of ["1", "2", "3"]) await kv.put("a", value);
  await (await kv.watch("a"))[Symbol.asyncIterator]().next();
  const manager = await as(user);
  await manager.createKeyValue({ bucket: "b", history: 3 });
  for (const history of [2, 1]) {
    await manager.updateKeyValue({ bucket: "b", history });
    expect((await kv.status()).history).toBe(history);
  }
  expect((await (await manager.createKeyValue({ bucket: "b" })).history("a")).map((entry) => entry.string())).toEqual([
    "3",
  ]);
});

test("a user that is not encoded as URLs are is refused, and not shown", async () => {
  const refusal = open("nats://50%off:secret@127.0.0.1:1").catch((reason: unknown) => reason);
  expect(await refusal).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.not.stringMatching(/off|secret/) });
});
