import { expect, test } from "vitest";
import { open, server } from "./open.ts";

const permissions = {
  silent: 'publish: ">", subscribe: { deny: ["_INBOX.>"] }',
  outsider: 'publish: { deny: ["$JS.API.>"] }',
  reader: 'publish: { deny: ["$KV.>"] }',
  deaf: 'publish: ">", subscribe: { deny: ["$JS.EVENT.>"] }',
};

test("what a user may not do is told as that, and who may not hear of changes can do the rest", {
  timeout: 60_000,
}, async () => {
  const users = Object.entries(permissions).map(
    ([name, its]) => `{ user: ${name}, password: secret, permissions: { ${its} } }`,
  );
  const { url } = await server(`authorization { users = [ ${users.join(", ")} ] }`);
  const events: string[] = [];
  const as = (user: string) =>
    open({ servers: url.replace("//", `//${user}:secret@`), onEvent: ({ type }) => void events.push(type) });
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

test("a user that is not encoded as URLs are is refused, and not shown", async () => {
  const refusal = open("nats://50%off:secret@127.0.0.1:1").catch((reason: unknown) => reason);
  expect(await refusal).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.not.stringMatching(/off|secret/) });
});
